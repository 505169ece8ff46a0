// Updates by asking again and again, where nothing else gets through. Enters:
// topics. Leaves: messages. Never: more than four requests at a time, of the six
// that a browser has.

import { MilepostError, networkError } from "../errors.js";
import { listJobs, PAGE } from "./lists.js";
import { jobOf, parse, refusalOf } from "./messages.js";
import { nameOf, type Topic } from "./topics.js";
import type { Host, Session } from "./transport.js";

/** ms between two looks at the same thing. */
const EVERY = 3_000;
/** ms until the next look at a job that has just moved: of that there may be a lot. */
const SOON = 250;
/** Requests at a time; as many jobs are asked for with an answer that waits for news. */
const PARALLEL = 4;
/** Seconds that such an answer waits, and ms that it may take. */
const WAIT = 20;
const LATE = 35_000;

/** Begins to ask. */
export function openPolling(host: Host): Session {
  const { clock, http } = host;
  const abort = new AbortController();
  const { signal } = abort;
  const running = new Set<Topic>();
  const waiting: (() => void)[] = [];
  const pauses = new Set<() => void>();
  let free = PARALLEL;
  let answered = false;

  update();

  function update() {
    for (const topic of host.topics()) {
      if (running.has(topic)) continue;
      running.add(topic);
      void follow(topic);
    }
  }

  async function follow(topic: Topic) {
    while (!signal.aborted && host.topics().includes(topic)) {
      const began = clock.now();
      let every = EVERY;
      await turn();
      if (signal.aborted) return;
      try {
        const news = await (topic.startsWith("job:") ? askJob(nameOf(topic)) : askList(topic));
        every = news ? SOON : EVERY;
        if (!signal.aborted && !answered) {
          answered = true;
          host.opened();
        }
      } catch (thrown) {
        if (signal.aborted) return;
        const error = thrown instanceof MilepostError ? thrown : networkError(thrown);
        if (error.status !== 404 && error.code !== "conflict") return fail(error);
        host.receive(refusalOf(topic, error.code, error.message));
      } finally {
        free += 1;
        waiting.shift()?.();
      }
      await pause(Math.max(every - (clock.now() - began), 0));
    }
    running.delete(topic);
  }

  /** Ends early with the polling. */
  function pause(ms: number) {
    return new Promise<void>((resolve) => {
      const end = () => {
        cancel();
        pauses.delete(end);
        resolve();
      };
      const cancel = clock.after(ms, end);
      pauses.add(end);
    });
  }

  async function turn() {
    while (free === 0 && !signal.aborted) {
      await new Promise<void>((resolve) => waiting.push(resolve));
    }
    free -= 1;
  }

  /** Whether there was news: then the next answer waits for more. */
  async function askJob(id: string): Promise<boolean> {
    const after = host.seq(id);
    const waits = after !== undefined && answered && host.topics().length <= PARALLEL;
    const asked = clock.now();
    const call = {
      query: { after, wait: waits ? WAIT : undefined },
      accept: [304],
      timeout: LATE,
      signal,
    };
    const job = await http.once(`/v1/jobs/${encodeURIComponent(id)}`, call, async (response) =>
      response.status === 304 ? undefined : jobOf(parse(await response.text())),
    );
    if (!waits) host.latency(clock.now() - asked);
    if (job && !signal.aborted) host.receive({ type: "snapshot", job });
    return job !== undefined && host.topics().length <= PARALLEL;
  }

  async function askList(topic: Topic): Promise<boolean> {
    const mine = topic === "mine";
    const filter = mine ? {} : { [topic.slice(0, topic.indexOf(":"))]: nameOf(topic) };
    let cursor: string | undefined;
    do {
      const call = { timeout: LATE, signal };
      const { jobs, next } = await listJobs(http, { ...filter, limit: PAGE, cursor }, call);
      if (signal.aborted) break;
      // A list of what is not there is empty, too.
      if (!mine && !cursor && jobs.length === 0) await http.once(groupOf(topic), call, readNothing);
      host.receive({ type: "list", jobs, mine });
      // Of one's own jobs the newest are enough.
      cursor = mine ? undefined : next;
    } while (cursor);
    return false;
  }

  async function readNothing(response: Response) {
    await response.body?.cancel();
  }

  function fail(error: MilepostError) {
    if (signal.aborted) return;
    close();
    host.failed(error, error.retryAfter === undefined ? undefined : error.retryAfter * 1000);
  }

  function close() {
    abort.abort();
    for (const next of [...waiting.splice(0), ...pauses]) next();
  }

  return { update, check: () => undefined, close };
}

/** Where a batch or a document is. */
const groupOf = (topic: Topic): string =>
  `/v1/${topic.startsWith("batch:") ? "batches" : "documents"}/${encodeURIComponent(nameOf(topic))}`;
