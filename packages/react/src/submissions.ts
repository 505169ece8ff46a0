/**
 * Documents on their way to the server.
 *
 * Enters: sources, orders to cancel or retry. Leaves: the state of each, from waiting to its job.
 * Never: rejects; why something failed stands in its item. Never: watches a job.
 */

import type { Readable, Source, SubmitOptions } from "@milepost/client";
import { isTerminal, type Milepost, type MilepostError, type SubmittedJob } from "@milepost/client";
import type { Fault } from "./fault.js";
import { nameOf, sizeOf } from "./source.js";

/** How far a submission is. A `submitted` one has a job, which has a state of its own. */
export type SubmitState = "waiting" | "sending" | "submitted" | "failed" | "cancelled";

/** One submission. */
export interface SubmitItem {
  /** Names the item in `cancel`, `retry` and `remove`. */
  readonly key: string;
  /** The file's name, where there is one. */
  readonly name: string | undefined;
  /** Bytes of the document, where they are known. */
  readonly size: number | undefined;
  readonly state: SubmitState;
  /** Bytes sent of those in the request. `total` is 0 until the first were sent. */
  readonly sent: number;
  readonly total: number;
  readonly job: SubmittedJob | undefined;
  readonly error: Fault | undefined;
  /** What is submitted. */
  readonly source: Source;
  /** And how; once it was sent, with the idempotency key under which it was. */
  readonly options: SubmitOptions;
}

/** Files that are to be one batch, which the first one to arrive opens. */
interface Group {
  id: string | undefined;
  /** Files that are being sent to open it; two only where one of them is sent again. */
  opening: number;
}

interface Entry {
  item: SubmitItem;
  readonly source: Source;
  readonly options: SubmitOptions;
  readonly group: Group | undefined;
  /** One for all attempts whose outcome is not known, so that they make one job. */
  attempt: { readonly idempotencyKey: string; readonly batch: string | undefined } | undefined;
  abort: AbortController | undefined;
  readonly onSubmitted: ((job: SubmittedJob) => void) | undefined;
  readonly settle: (job: SubmittedJob | undefined) => void;
}

/** A browser opens six connections to a server; some are for the rest of the page. */
const PARALLEL = 3;

/** A list of submissions, a few of which are sent at a time. */
export class Submissions implements Readable<readonly SubmitItem[]> {
  readonly #client: Milepost;
  readonly #listeners = new Set<() => void>();
  #entries: readonly Entry[] = [];
  #items: readonly SubmitItem[] = [];
  #next = 0;
  /** Bytes that the server takes at most, once it was asked. */
  #limit: Promise<number | undefined> | undefined;

  constructor(client: Milepost) {
    this.#client = client;
  }

  getSnapshot = (): readonly SubmitItem[] => this.#items;

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Sends one. Resolves with its job, or with `undefined` when it failed or was cancelled. */
  submit(source: Source, options: SubmitOptions = {}): Promise<SubmittedJob | undefined> {
    return this.#add(source, options, undefined, undefined);
  }

  /**
   * Sends several as one batch, each in a request of its own, so that each has its progress.
   * `onSubmitted` is called with each job as soon as there is one, after a retry too.
   */
  submitAll(
    sources: readonly Source[],
    options: SubmitOptions = {},
    onSubmitted?: (job: SubmittedJob) => void,
  ): Promise<(SubmittedJob | undefined)[]> {
    const alone = sources.length < 2 || options.batch !== undefined;
    const group = alone ? undefined : { id: undefined, opening: 0 };
    const { idempotencyKey } = options;
    const each = sources.map((source, place) => {
      // One key is for one job.
      const key = idempotencyKey && { idempotencyKey: `${idempotencyKey}-${place}` };
      return this.#add(source, { ...options, ...key }, group, onSubmitted);
    });
    return Promise.all(each);
  }

  /** Stops the sending or, once it is sent, the job. */
  cancel(key: string): void {
    const entry = this.#find(key);
    if (entry === undefined) return;
    const { state, job } = entry.item;
    if (job !== undefined) this.#order(entry, this.#client.cancel(job.id));
    else if (state === "waiting" || state === "sending") this.#end(entry, { state: "cancelled" });
  }

  /** Sends it again or, once it was sent, queues the next attempt of its job. */
  retry(key: string): void {
    const entry = this.#find(key);
    if (entry === undefined) return;
    const { state, job } = entry.item;
    if (job !== undefined) this.#order(entry, this.#client.retry(job.id));
    else if (state === "failed" || state === "cancelled") {
      this.#set(entry, { state: "waiting", error: undefined, sent: 0, total: 0 });
      this.#pump();
    }
  }

  /** Takes it off the list. What was not sent yet is not sent; a job goes on. */
  remove(key: string): void {
    const entry = this.#find(key);
    if (entry === undefined) return;
    this.#stop(entry);
    this.#entries = this.#entries.filter((other) => other !== entry);
    this.#publish();
    this.#pump();
  }

  /** Takes off the list what failed, was cancelled, or has a job that ended. */
  clear(): void {
    this.#entries = this.#entries.filter(({ item }) => {
      if (item.job === undefined) return item.state === "waiting" || item.state === "sending";
      const { job = item.job } = this.#client.live(item.job.id).getSnapshot();
      return !isTerminal(job.status);
    });
    this.#publish();
  }

  /** Stops whatever is not sent yet. More may be submitted later. */
  stop(): void {
    for (const entry of this.#entries) this.#stop(entry);
  }

  #find(key: string): Entry | undefined {
    return this.#entries.find(({ item }) => item.key === key);
  }

  #add(
    source: Source,
    options: SubmitOptions,
    group: Group | undefined,
    onSubmitted: ((job: SubmittedJob) => void) | undefined,
  ): Promise<SubmittedJob | undefined> {
    return new Promise((settle) => {
      const item: SubmitItem = {
        key: String(this.#next++),
        name: nameOf(source),
        size: sizeOf(source),
        state: "waiting",
        sent: 0,
        total: 0,
        job: undefined,
        error: undefined,
        source,
        options,
      };
      const entry: Entry = {
        item,
        source,
        options,
        group,
        attempt: undefined,
        abort: undefined,
        onSubmitted,
        settle,
      };
      this.#entries = [...this.#entries, entry];
      this.#publish();
      this.#pump();
    });
  }

  /** Begins what may begin: a batch is opened by one file, and the others wait for its id. */
  #pump(): void {
    let sending = this.#entries.filter(({ item }) => item.state === "sending").length;
    for (const entry of this.#entries) {
      if (sending >= PARALLEL) return;
      const waits = entry.attempt === undefined && (entry.group?.opening ?? 0) > 0;
      if (entry.item.state !== "waiting" || waits) continue;
      sending += 1;
      void this.#send(entry);
    }
  }

  async #send(entry: Entry): Promise<void> {
    const { group, options, source } = entry;
    entry.attempt ??= {
      idempotencyKey: randomKey(),
      batch: group === undefined ? options.batch : (group.id ?? "new"),
    };
    const { idempotencyKey, batch } = entry.attempt;
    const opens = group !== undefined && batch === "new";
    if (opens) group.opening += 1;
    const abort = new AbortController();
    entry.abort = abort;
    const whole = { idempotencyKey, ...options, ...(batch === undefined ? {} : { batch }) };
    this.#set(entry, { state: "sending", options: whole });
    try {
      const refusal = await this.#tooLarge(entry.item);
      if (abort.signal.aborted) return;
      if (refusal !== undefined) return this.#end(entry, { state: "failed", error: refusal });
      const job = await this.#client.submit(source, {
        ...whole,
        signal: abort.signal,
        onUploadProgress: (sent, total) => this.#set(entry, { sent, total }),
      });
      if (group !== undefined) group.id ??= job.batch ?? undefined;
      this.#end(entry, { state: "submitted", job, error: undefined });
      // In a task of its own, so that what it throws is the page's error and no failed submission.
      queueMicrotask(() => entry.onSubmitted?.(job));
    } catch (caught) {
      // The client rejects with nothing else than its own errors.
      const error = caught as MilepostError;
      // What was refused made no job; what went without an answer may have made one.
      if (error.status !== undefined) entry.attempt = undefined;
      if (!abort.signal.aborted) this.#end(entry, { state: "failed", error });
    } finally {
      if (opens) group.opening -= 1;
      this.#pump();
    }
  }

  /** Refuses before the sending what the server would refuse behind it. */
  async #tooLarge({ size = 0 }: SubmitItem): Promise<Fault | undefined> {
    if (size === 0) return undefined;
    this.#limit ??= this.#client.info().then(
      ({ limits }) => limits.body,
      () => {
        // Without an answer the server says it itself. The next one asks again.
        this.#limit = undefined;
        return undefined;
      },
    );
    const limit = await this.#limit;
    if (limit === undefined || size <= limit) return undefined;
    const mb = (bytes: number) => `${Number((bytes / 1e6).toFixed(2))} MB`;
    const message = `The file has ${mb(size)}; this server takes ${mb(limit)} at most. Send a smaller one.`;
    return { code: "body_too_large", message, retryable: false };
  }

  #order(entry: Entry, ordered: Promise<unknown>): void {
    ordered.then(
      () => this.#set(entry, { error: undefined }),
      (error: MilepostError) => this.#set(entry, { error }),
    );
  }

  #stop(entry: Entry): void {
    const { state } = entry.item;
    if (state === "waiting" || state === "sending") this.#end(entry, { state: "cancelled" });
  }

  #end(entry: Entry, change: Partial<SubmitItem>): void {
    this.#set(entry, change);
    if (change.state === "cancelled") entry.abort?.abort();
    entry.settle(entry.item.job);
  }

  #set(entry: Entry, change: Partial<SubmitItem>): void {
    entry.item = { ...entry.item, ...change };
    this.#publish();
  }

  #publish(): void {
    this.#items = this.#entries.map(({ item }) => item);
    for (const listener of this.#listeners) listener();
  }
}

/** 128 random bits. `crypto.randomUUID` is not there on a page that came over plain HTTP. */
function randomKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
