// Updates over event streams, fetched so that headers go along. Enters: topics.
// Leaves: messages. Never: loses one when topics change: the streams so far go on
// until those that replace them are open.

import { invalidResponse, MilepostError, networkError, timeoutError } from "../errors.js";
import { eventReader } from "./events.js";
import { fieldsOf, jobOf, messageOf, parse } from "./messages.js";
import { namesOf, type Topic } from "./topics.js";
import type { Host, Session } from "./transport.js";

/** ms until the first text, which the server sends at once: a proxy may hold it back. */
const OPENING = 5_000;
/** The server says something every 15 s. */
const SILENCE = 40_000;
/** Jobs of one stream: their ids stand in a URL, and proxies take 8 KiB. */
const JOBS = 150;
/** ms for which changes of topics are gathered. */
const GATHER = 20;

/** Opens event streams. */
export function openStreams(host: Host): Session {
  let over = false;
  let covered = new Set<Topic>();
  let current: AbortController | undefined;
  let next: AbortController | undefined;
  let stopGathering: (() => void) | undefined;
  let heardAt = host.clock.now();

  replace();

  function update() {
    if (over) return;
    // Streams with topics that are watched no more do no harm; one that is back begins anew.
    covered = new Set(host.topics().filter((topic) => covered.has(topic)));
    stopGathering?.();
    stopGathering = host.clock.after(GATHER, () => {
      if (host.topics().every((topic) => covered.has(topic))) return;
      host.positions.clear();
      replace();
    });
  }

  function replace() {
    const topics = host.topics();
    next?.abort();
    const abort = new AbortController();
    next = abort;
    covered = new Set(topics);
    const queries = plan(topics);
    // A position is one of the very same stream.
    for (const query of [...host.positions.keys()]) {
      if (!queries.includes(query)) host.positions.delete(query);
    }
    let opening = queries.length;
    const opened = () => {
      opening -= 1;
      if (opening > 0 || abort.signal.aborted) return;
      const first = current === undefined;
      current?.abort();
      current = abort;
      next = undefined;
      if (first) host.opened();
    };
    for (const query of queries) void follow(query, abort, opened);
  }

  async function follow(query: string, abort: AbortController, opened: () => void) {
    const { clock, http, positions } = host;
    const position = positions.get(query);
    let stopTimer = clock.after(OPENING, late);
    let heard = false;
    function late() {
      fail(timeoutError());
    }
    try {
      const headers: Record<string, string> = { accept: "text/event-stream" };
      if (position !== undefined) headers["last-event-id"] = position;
      const asked = clock.now();
      const response = await http.open(`/v1/stream?${query}`, { headers, signal: abort.signal });
      if (
        !response.body ||
        !response.headers.get("content-type")?.startsWith("text/event-stream")
      ) {
        throw invalidResponse(response.status);
      }
      host.latency(clock.now() - asked);
      const read = eventReader(({ name, data, id }) => {
        if (id !== undefined) positions.set(query, id);
        if (data) hear(name, data);
      });
      const texts = response.body.pipeThrough(
        new TextDecoderStream() as TransformStream<Uint8Array, string>,
      );
      const reader = texts.getReader();
      for (;;) {
        const { done, value } = await reader.read();
        if (abort.signal.aborted) return;
        if (done) throw networkError();
        heardAt = clock.now();
        stopTimer();
        stopTimer = clock.after(SILENCE, late);
        // Not sooner: a proxy that holds back what comes has not let the stream through.
        if (!heard) opened();
        heard = true;
        read(value);
      }
    } catch (thrown) {
      if (abort.signal.aborted) return;
      const error = thrown instanceof MilepostError ? thrown : networkError(thrown);
      if (error.code === "conflict" && position !== undefined) {
        positions.delete(query);
        host.gap();
        return void follow(query, abort, opened);
      }
      if (error.code === "not_found" && (await withoutMissing(query))) return replace();
      fail(error, error.retryAfter === undefined ? undefined : error.retryAfter * 1000);
    } finally {
      stopTimer();
    }
  }

  function hear(name: string, data: string) {
    const value = parse(data);
    host.log(`stream hears ${name}`, value);
    const job = name === "snapshot" ? jobOf(value) : undefined;
    if (job) return host.receive({ type: "snapshot", job });
    const message = messageOf({ ...fieldsOf(value), type: name });
    if (message?.type === "queue" || message?.type === "removed") return host.receive(message);
    host.log(`stream: ${name} is not understood`);
  }

  /** One thing that is not there refuses a whole stream, and is not named. */
  async function withoutMissing(query: string): Promise<boolean> {
    const asked = new URLSearchParams(query);
    let missing = 0;
    for (const [kind, name] of asked) {
      if (over) return false;
      const path = ({ job: "jobs", batch: "batches", document: "documents" } as const)[
        kind as "job"
      ];
      if (!path) continue;
      try {
        await host.http.text(`/v1/${path}/${encodeURIComponent(name)}`);
      } catch (error) {
        if (!(error instanceof MilepostError) || error.status !== 404) continue;
        missing += 1;
        host.receive({ type: "refused", topic: `${kind as "job"}:${name}`, error });
      }
    }
    return missing > 0 && !over && host.topics().length > 0;
  }

  function fail(error: MilepostError, after?: number) {
    if (over) return;
    close();
    host.failed(error, after);
  }

  function close() {
    over = true;
    stopGathering?.();
    current?.abort();
    next?.abort();
  }

  /** It cannot be asked; but behind a machine's sleep timers are late. */
  function check() {
    if (current && host.clock.now() - heardAt > SILENCE) fail(timeoutError(), 0);
  }

  return { update, check, close };
}

/** The queries of the streams that cover these topics: one of a batch and of a document each. */
function plan(topics: readonly Topic[]): string[] {
  const jobs = namesOf(topics, "job");
  const batches = namesOf(topics, "batch");
  const documents = namesOf(topics, "document");
  const streams = Math.max(Math.ceil(jobs.length / JOBS), batches.length, documents.length, 1);
  return Array.from({ length: streams }, (_, index) => {
    const query = new URLSearchParams();
    if (index === 0 && topics.includes("mine")) query.set("mine", "true");
    const [batch, document] = [batches[index], documents[index]];
    if (batch) query.set("batch", batch);
    if (document) query.set("document", document);
    for (const job of jobs.slice(index * JOBS, (index + 1) * JOBS)) query.append("job", job);
    return query.toString();
  });
}
