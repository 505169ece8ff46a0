// A network with a server behind it, at the platform's edge: `fetch` and `WebSocket`
// as a test wants them to behave. Its jobs move when the test says so.

import type { Job } from "../../src/index.js";
import type { TestClock } from "./clock.js";

export interface World {
  readonly fetch: typeof fetch;
  readonly webSocket: typeof WebSocket;
  /** Transports that do not get through, `http` with all but sockets. */
  readonly blocked: Set<"websocket" | "sse" | "http">;
  /** Chance of a second copy, and of an older state behind a newer one. */
  noise: number;
  readonly requests: string[];
  /** What clients said on sockets. */
  readonly said: { readonly type: string; readonly [field: string]: unknown }[];
  /** Sockets and streams that are open now. */
  open(): number;
  add(job: Partial<Job> & { id: string }): Job;
  /** The next state of a job. */
  move(id: string, fields: Partial<Job>): void;
  remove(id: string): void;
  /** Breaks all that is open; sockets with this code. */
  cut(code?: number): void;
  /** Says something to all open sockets. */
  say(message: unknown): void;
}

interface Watcher {
  readonly jobs: Set<string>;
  readonly batches: Set<string>;
  mine: boolean;
  send(job: Job): void;
  removed(id: string): void;
  cut(code: number): void;
}

export const jobOf = (fields: Partial<Job> & { id: string }): Job => ({
  seq: 1,
  pipeline: "convert",
  status: "queued",
  attempt: 1,
  max_attempts: 4,
  progress: 0,
  stage: null,
  stages: [],
  message: "",
  stalled: false,
  eta_seconds: null,
  queue: null,
  document: null,
  documents: { total: 1, done: 0 },
  batch: null,
  collection: null,
  agents: null,
  result: null,
  error: null,
  metadata: null,
  started_at: null,
  finished_at: null,
  created_at: "2026-11-27T12:00:00.000000Z",
  updated_at: "2026-11-27T12:00:00.000000Z",
  ...fields,
});

export function makeWorld(clock: TestClock): World {
  const jobs = new Map<string, Job>();
  const before = new Map<string, Job>();
  const watchers = new Set<Watcher>();
  const polls = new Set<() => void>();
  const blocked = new Set<"websocket" | "sse" | "http">();
  const requests: string[] = [];
  const said: World["said"] = [];

  const wants = (watcher: Watcher, job: Job) =>
    watcher.mine || watcher.jobs.has(job.id) || watcher.batches.has(job.batch ?? "");

  function tell(job: Job) {
    for (const watcher of watchers) {
      if (!wants(watcher, job)) continue;
      watcher.send(job);
      if (clock.random() < world.noise) watcher.send(job);
      const old = before.get(job.id);
      if (old && clock.random() < world.noise) watcher.send(old);
    }
    for (const poll of [...polls]) poll();
  }

  class Socket {
    readyState = 0;
    onopen: (() => void) | null = null;
    onmessage: ((event: { data: string }) => void) | null = null;
    onclose: ((event: { code: number; reason: string }) => void) | null = null;
    readonly #watcher: Watcher = {
      jobs: new Set(),
      batches: new Set(),
      mine: false,
      send: (job) => this.#say({ type: "snapshot", job }),
      removed: (job) => this.#say({ type: "removed", job }),
      cut: (code) => this.#end(code),
    };

    constructor() {
      clock.after(1, () => {
        if (this.readyState !== 0) return;
        if (blocked.has("websocket")) return this.#end(1006);
        this.readyState = 1;
        watchers.add(this.#watcher);
        sayers.add(this.#said);
        this.onopen?.();
      });
    }

    readonly #said = (message: unknown) => this.#say(message);

    #say(message: unknown) {
      if (this.readyState === 1) this.onmessage?.({ data: JSON.stringify(message) });
    }

    #end(code: number) {
      if (this.readyState === 3) return;
      this.readyState = 3;
      watchers.delete(this.#watcher);
      sayers.delete(this.#said);
      this.onclose?.({ code, reason: "" });
    }

    send(text: string) {
      const message = JSON.parse(text);
      said.push(message);
      const watcher = this.#watcher;
      if (message.type === "ping") this.#say({ type: "pong", ref: message.ref });
      if (message.type === "unsubscribe") {
        for (const id of message.jobs ?? []) watcher.jobs.delete(id);
      }
      if (message.type !== "subscribe") return;
      for (const id of message.jobs ?? []) watcher.jobs.add(id);
      for (const id of message.batches ?? []) watcher.batches.add(id);
      if (message.mine) watcher.mine = true;
      this.#say({ type: "subscribed", jobs: message.jobs ?? [], ref: message.ref });
      for (const id of message.jobs ?? []) {
        const job = jobs.get(id);
        if (!job) this.#say({ type: "error", code: "not_found", message: "no such job", job: id });
        else if (job.seq > (message.after?.[id] ?? 0)) watcher.send(job);
      }
      for (const job of message.mine ? jobs.values() : []) {
        if (!job.status.endsWith("ed") || job.status === "queued") watcher.send(job);
      }
    }

    close(code = 1000) {
      this.#end(code);
    }
  }

  const sayers = new Set<(message: unknown) => void>();

  function stream(query: URLSearchParams, signal: AbortSignal | null | undefined): Response {
    const encoder = new TextEncoder();
    let watcher: Watcher | undefined;
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        const say = (text: string) => controller.enqueue(encoder.encode(text));
        const event = (name: string, data: unknown) =>
          say(`event: ${name}\ndata: ${JSON.stringify(data)}\n\n`);
        watcher = {
          jobs: new Set(query.getAll("job")),
          batches: new Set(query.getAll("batch")),
          mine: query.has("mine"),
          send: (job) => event("snapshot", job),
          removed: (job) => event("removed", { job }),
          cut() {
            if (watcher) watchers.delete(watcher);
            controller.error(new TypeError("cut"));
          },
        };
        watchers.add(watcher);
        signal?.addEventListener("abort", () => watcher && watchers.delete(watcher));
        say("retry: 1000\n\n");
        for (const job of jobs.values()) {
          const ended = job.status !== "queued" && job.status.endsWith("ed");
          if (wants(watcher, job) && !(watcher.mine && ended)) watcher.send(job);
        }
      },
      cancel() {
        if (watcher) watchers.delete(watcher);
      },
    });
    return new Response(body, { headers: { "content-type": "text/event-stream; charset=utf-8" } });
  }

  const json = (value: unknown, status = 200) =>
    new Response(status === 304 ? null : JSON.stringify(value), { status });
  const notFound = () =>
    json({ type: "about:blank", title: "", status: 404, code: "not_found", detail: "none" }, 404);

  async function answer(url: URL, signal: AbortSignal | null | undefined): Promise<Response> {
    const query = url.searchParams;
    if (url.pathname === "/v1/stream") {
      if (blocked.has("sse")) throw new TypeError("blocked");
      return query.getAll("job").every((id) => jobs.has(id)) ? stream(query, signal) : notFound();
    }
    if (url.pathname === "/v1/jobs") {
      const batch = query.get("batch");
      const items = [...jobs.values()].filter((job) => !batch || job.batch === batch).reverse();
      return json({ items: items.slice(0, Number(query.get("limit") ?? 50)), next: null });
    }
    const id = url.pathname.split("/")[3] ?? "";
    const after = Number(query.get("after") ?? 0);
    const wait = Number(query.get("wait") ?? 0) * 1000;
    const fresh = () => (jobs.get(id)?.seq ?? 0) > after;
    if (wait > 0 && jobs.has(id) && !fresh()) {
      await new Promise<void>((resolve, reject) => {
        const end = (then: () => void) => {
          polls.delete(look);
          cancel();
          then();
        };
        const look = () => {
          if (blocked.has("http")) end(() => reject(new TypeError("cut")));
          else if (fresh()) end(resolve);
        };
        const cancel = clock.after(wait, () => end(resolve));
        polls.add(look);
        signal?.addEventListener("abort", () => end(() => reject(new TypeError("aborted"))));
      });
    }
    const job = jobs.get(id);
    if (job && after > job.seq) {
      return json({ type: "about:blank", title: "", status: 409, code: "conflict" }, 409);
    }
    return job ? json(job, fresh() || !query.has("after") ? 200 : 304) : notFound();
  }

  const world: World = {
    blocked,
    noise: 0,
    requests,
    said,
    webSocket: Socket as unknown as typeof WebSocket,
    async fetch(input, init) {
      const url = new URL(String(input));
      requests.push(url.pathname + url.search);
      if (blocked.has("http")) throw new TypeError("blocked");
      return answer(url, init?.signal);
    },
    open: () => watchers.size,
    add(fields) {
      const job = jobOf(fields);
      jobs.set(job.id, job);
      tell(job);
      return job;
    },
    move(id, fields) {
      const last = jobs.get(id);
      if (!last) throw new Error(`no job ${id}`);
      before.set(id, last);
      const updated_at = new Date(Date.parse(last.updated_at) + 10_000).toISOString();
      const next = { ...last, updated_at, ...fields, seq: last.seq + 1 };
      jobs.set(id, next);
      tell(next);
    },
    remove(id) {
      jobs.delete(id);
      for (const watcher of watchers) watcher.removed(id);
    },
    cut(code = 1006) {
      for (const watcher of [...watchers]) watcher.cut(code);
      for (const poll of [...polls]) poll();
    },
    say(message) {
      for (const sayer of [...sayers]) sayer(message);
    },
  };
  return world;
}
