// What is watched, by whom, and what is known of it. Enters: listeners, and messages
// from a connection or another tab. Leaves: to each listener what is its own, of
// each job only what is newer than what it had. Never: connects by itself.

import type { MilepostError } from "../errors.js";
import { isTerminal } from "../status.js";
import type { Job } from "../types.js";
import type { Incoming } from "./messages.js";
import { type Topic, topicsOver } from "./topics.js";

/** Jobs that are remembered; the oldest of those that have ended are forgotten first. */
const MEMORY = 5_000;
/** ms that changes of different jobs may overtake each other. */
const DISORDER = 2_000;

/** What a listener hears. */
export type Update =
  | { readonly type: "snapshot"; readonly job: Job }
  /** Another place in the queue; the same `seq`. */
  | { readonly type: "queue"; readonly job: Job }
  | { readonly type: "removed"; readonly id: string }
  | { readonly type: "refused"; readonly topic: Topic; readonly error: MilepostError };

/** Somebody who watches. */
export interface Listener {
  topics: readonly Topic[];
  receive(update: Update): void;
  /** There will be no connection, unless somebody asks for one. */
  ended(error: MilepostError): void;
}

/** Who watches what. */
export class Hub {
  /** Called when other topics are watched. */
  onChange: () => void = () => undefined;
  /** Called when a job went back, or could not be gone on from. */
  onGap: () => void = () => undefined;
  readonly #jobs = new Map<string, Job>();
  readonly #index = new Map<Topic, Set<Listener>>();
  /** The last seq of each job that a listener had. */
  readonly #seen = new Map<Listener, Map<string, number>>();
  /** ms since 1970, by the server's clock: the newest change, and until when none was missed. */
  #newest = 0;
  #mark: number | undefined;
  #closed: MilepostError | undefined;

  /** All that is watched. */
  topics(): Topic[] {
    return [...this.#index.keys()];
  }

  /** The last seq of a job. */
  seq(id: string): number | undefined {
    return this.#jobs.get(id)?.seq;
  }

  /** The last seqs of all jobs. */
  seqs(): [string, number][] {
    return [...this.#jobs.values()].map(({ id, seq }) => [id, seq]);
  }

  /** The jobs that had not ended when they were last heard of. */
  active(): Job[] {
    return [...this.#jobs.values()].filter((job) => !isTerminal(job.status));
  }

  /** Adds a listener; it hears at once what is known and newer than `seen`. */
  add(listener: Listener, seen: Iterable<readonly [string, number]> = []): void {
    if (this.#closed) {
      listener.ended(this.#closed);
    } else {
      this.#seen.set(listener, new Map(seen));
      this.#place(listener, listener.topics);
    }
  }

  /** Has a listener watch other topics. */
  change(listener: Listener, topics: readonly Topic[]): void {
    const seen = this.#seen.get(listener);
    if (!seen) return;
    const [before, now] = [new Set(listener.topics), new Set(topics)];
    const added = topics.filter((topic) => !before.has(topic));
    const gone = listener.topics.filter((topic) => !now.has(topic));
    listener.topics = topics;
    // What is watched no more is new when it is back.
    for (const id of gone.length > 0 ? seen.keys() : []) {
      const job = this.#jobs.get(id);
      if (!job || !topicsOver(job).some((topic) => now.has(topic))) seen.delete(id);
    }
    this.#displace(listener, gone);
    if (added.length > 0) this.#place(listener, added);
  }

  remove(listener: Listener): void {
    if (this.#seen.delete(listener)) this.#displace(listener, listener.topics);
  }

  /** A message came. */
  receive(message: Incoming) {
    switch (message.type) {
      case "snapshot":
        return this.#snapshot(message.job);
      case "queue": {
        const job = this.#jobs.get(message.job);
        if (job?.status !== "queued") return;
        const { position, length } = message;
        const moved = { ...job, queue: { position, length } };
        this.#jobs.set(job.id, moved);
        for (const listener of this.#listeners(moved)) {
          listener.receive({ type: "queue", job: moved });
        }
        return;
      }
      case "list":
        return this.#list(message.jobs, message.mine);
      case "removed":
        return this.#removed(message.job);
      case "behind":
        this.onGap();
        return this.#forget(message.job);
      case "refused": {
        const { topic, error } = message;
        const id = topic.startsWith("job:") ? topic.slice(4) : "";
        if (error.code === "not_found" && this.#jobs.has(id)) return this.#removed(id);
        for (const listener of [...(this.#index.get(topic) ?? [])]) {
          listener.receive({ type: "refused", topic, error });
        }
      }
    }
  }

  /** The server was restored: this is its state of a job, though a newer one was known. */
  restored(job: Job): void {
    if (job.seq >= (this.seq(job.id) ?? 0)) return;
    this.receive({ type: "behind", job: job.id });
    this.#snapshot(job);
  }

  /** From now on changes may be missed. */
  lost(): void {
    if (this.#newest > 0) this.#mark = Math.max(this.#mark ?? 0, this.#newest - DISORDER);
  }

  /** Nobody hears of anything any more; whoever comes later hears why. */
  close(error: MilepostError): void {
    this.#closed = error;
    this.ended(error);
  }

  /** There will be no connection. */
  ended(error: MilepostError): void {
    for (const listener of [...this.#seen.keys()]) listener.ended(error);
  }

  /** Somebody else is signed in: what was known is theirs no more. */
  forgetAll(): void {
    this.#jobs.clear();
    this.#newest = 0;
    this.#mark = undefined;
    for (const seen of this.#seen.values()) seen.clear();
  }

  #snapshot(job: Job) {
    const known = this.#jobs.get(job.id);
    if (known && job.seq < known.seq) return;
    this.#newest = Math.max(this.#newest, Date.parse(job.updated_at));
    const listeners = this.#listeners(job);
    if (listeners.size === 0) return;
    this.#jobs.set(job.id, job);
    this.#bound();
    for (const listener of listeners) this.#deliver(listener, job);
  }

  #deliver(listener: Listener, job: Job) {
    const seen = this.#seen.get(listener);
    if (!seen || job.seq <= (seen.get(job.id) ?? 0)) return;
    seen.set(job.id, job.seq);
    listener.receive({ type: "snapshot", job });
  }

  /** Of one's own jobs those that have ended are shown only where that was missed. */
  #list(jobs: readonly Job[], mine: boolean) {
    const mark = this.#mark;
    for (const job of [...jobs].reverse()) {
      const missed = mark !== undefined && Date.parse(job.updated_at) > mark;
      if (!mine || missed || !isTerminal(job.status) || this.#jobs.has(job.id)) this.#snapshot(job);
    }
    if (!mine) return;
    this.#mark = jobs.reduce((most, job) => Math.max(most, Date.parse(job.updated_at)), mark ?? 0);
  }

  #removed(id: string) {
    const job = this.#jobs.get(id);
    const topics = job ? topicsOver(job) : (["mine", `job:${id}`] as const);
    const listeners = new Set(topics.flatMap((topic) => [...(this.#index.get(topic) ?? [])]));
    this.#forget(id);
    for (const listener of listeners) listener.receive({ type: "removed", id });
  }

  #forget(id: string) {
    this.#jobs.delete(id);
    for (const seen of this.#seen.values()) seen.delete(id);
  }

  #listeners(job: Job): Set<Listener> {
    return new Set(topicsOver(job).flatMap((topic) => [...(this.#index.get(topic) ?? [])]));
  }

  #place(listener: Listener, topics: readonly Topic[]) {
    let fresh = false;
    const placed = new Set(topics);
    for (const topic of topics) {
      const there = this.#index.get(topic);
      if (there) there.add(listener);
      else this.#index.set(topic, new Set([listener]));
      fresh ||= !there;
    }
    for (const job of [...this.#jobs.values()]) {
      const own = topicsOver(job).some((topic) => placed.has(topic));
      // All one's own begins, as the server has it, with what has not ended.
      const old = isTerminal(job.status) && !placed.has(`job:${job.id}`) && !isWhole(topics);
      if (own && !old) this.#deliver(listener, job);
    }
    if (fresh) this.onChange();
  }

  #displace(listener: Listener, topics: readonly Topic[]) {
    let last = false;
    for (const topic of topics) {
      const there = this.#index.get(topic);
      there?.delete(listener);
      if (there?.size !== 0) continue;
      this.#index.delete(topic);
      last = true;
    }
    if (!last) return;
    for (const job of this.#jobs.values()) {
      if (this.#listeners(job).size === 0) this.#jobs.delete(job.id);
    }
    this.onChange();
  }

  #bound() {
    if (this.#jobs.size <= MEMORY) return;
    for (const job of this.#jobs.values()) {
      if (!isTerminal(job.status)) continue;
      return this.#forget(job.id);
    }
  }
}

/** Whether a topic begins with all of its jobs, ended ones included. */
const isWhole = (topics: readonly Topic[]): boolean =>
  topics.some((topic) => topic.startsWith("batch:"));
