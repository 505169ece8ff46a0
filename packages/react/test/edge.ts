// The edge of the platform, in memory. Enters: what a client sends by fetch, XMLHttpRequest and
// WebSocket. Leaves: what a server answers, at the test's command. Never: a part of the packages.

import { isTerminal, type Job, Milepost, type MilepostOptions } from "@milepost/client";

/** A request as it arrived. */
export interface Arrived {
  readonly method: string;
  readonly path: string;
  readonly body: unknown;
  readonly headers: Headers;
}

type Route = (request: Arrived) => Response | Promise<Response>;

let serial = 0;

/** A job with an id that sorts behind all earlier ones. */
export function job(fields: Partial<Job> = {}): Job {
  const id = `01a1f912-0000-7000-8000-${String(++serial).padStart(12, "0")}`;
  return {
    id,
    seq: 1,
    pipeline: "convert",
    status: "running",
    attempt: 1,
    max_attempts: 4,
    progress: 29,
    stalled: false,
    stage: "converting",
    stages: [stage("detecting", "completed"), stage("converting", "running", 3, 10)],
    message: "Converting page 4 of 10",
    eta_seconds: 90,
    queue: null,
    document: named("report.pdf"),
    documents: { total: 1, done: 0 },
    batch: null,
    collection: null,
    agents: null,
    result: null,
    error: null,
    metadata: null,
    created_at: "2026-11-20T13:08:25.442754Z",
    started_at: "2026-11-20T13:08:25.454717Z",
    updated_at: "2026-11-20T13:08:25.612004Z",
    finished_at: null,
    ...fields,
  };
}

/** A document of that name. */
export const named = (filename: string): NonNullable<Job["document"]> => ({
  id: "01a1f912-d0c0-7000-8000-000000000001",
  filename,
  media_type: "application/pdf",
  bytes: 12_652,
  pages: 10,
});

/** A stage; with a count, of pages. */
export function stage(
  name: string,
  status: Job["stages"][number]["status"],
  done?: number,
  total?: number,
): Job["stages"][number] {
  const unit = total === undefined ? null : "page";
  const counts = { unit, done: done ?? null, total: total ?? null };
  return { name, status, ...counts, started_at: null, finished_at: null };
}

/** The end of a job. */
export const completed = (fields: Partial<Job> = {}): Partial<Job> => ({
  status: "completed",
  progress: 100,
  stage: null,
  stages: [stage("detecting", "completed"), stage("converting", "completed", 10, 10)],
  message: "Completed",
  eta_seconds: null,
  result: { url: "/result", formats: ["markdown", "json", "html", "text"], reused_from: null },
  finished_at: "2026-11-20T13:09:25Z",
  ...fields,
});

/** An error of a job. */
export const failed = (retryable: boolean): Partial<Job> => ({
  status: "failed",
  stage: "converting",
  error: { code: "conversion_crashed", message: "The converter died.", retryable },
  finished_at: "2026-11-20T13:09:25Z",
});

/** A refusal. */
export const problem = (status: number, code: string, detail: string): Response =>
  Response.json({ type: "about:blank", title: "", status, code, detail }, { status });

/** A server with jobs, as far as its clients can see. */
export class Edge {
  readonly jobs = new Map<string, Job>();
  readonly requests: Arrived[] = [];
  readonly sockets = new Set<EdgeSocket>();
  /** Uploads that are under way. */
  readonly uploads: EdgeUpload[] = [];
  info = {
    name: "milepost",
    version: "0.1.0",
    authentication: [],
    fetch_by_url: false,
    push: null,
    pipelines: ["convert"],
    formats: ["markdown"],
    limits: { body: 1_000_000, request_jobs: 500 },
  };
  /** Answers in the place of the usual ones, by method and path without its query. */
  readonly routes = new Map<string, Route>();
  /** Lists besides that of jobs, by path: each gets the query. */
  readonly lists = new Map<string, (query: URLSearchParams) => object>();
  /** Whether sockets open. */
  reachable = true;

  /** A client of this server. It closes with the test's cleanup, or not at all. */
  client(options: MilepostOptions = {}): Milepost {
    const edge = this;
    class Socket extends EdgeSocket {
      constructor() {
        super(edge);
      }
    }
    return new Milepost({
      baseUrl: "http://milepost.test",
      transports: ["websocket"],
      shareTabs: false,
      fetch: (input, init) => this.#answer(String(input), init),
      webSocket: Socket as unknown as typeof WebSocket,
      ...options,
    });
  }

  /** A class for `globalThis.XMLHttpRequest`: each upload waits for the test. */
  get xhr(): typeof XMLHttpRequest {
    const { uploads } = this;
    return class extends EdgeUpload {
      constructor() {
        super();
        uploads.push(this);
      }
    } as unknown as typeof XMLHttpRequest;
  }

  add(fields: Partial<Job> = {}): Job {
    const made = job(fields);
    this.jobs.set(made.id, made);
    this.#tell(made.id, { type: "snapshot", job: made });
    return made;
  }

  change(id: string, fields: Partial<Job>): Job {
    const before = this.jobs.get(id);
    if (before === undefined) throw new Error(`no job ${id}`);
    const now = { ...before, seq: before.seq + 1, ...fields };
    this.jobs.set(id, now);
    this.#tell(id, { type: "snapshot", job: now });
    return now;
  }

  remove(id: string): void {
    this.jobs.delete(id);
    this.#tell(id, { type: "removed", job: id });
  }

  /** Says a message to whoever watches a job. */
  say(id: string, message: { type: string; job?: unknown }): void {
    if (message.type === "snapshot") this.jobs.set(id, message.job as Job);
    this.#tell(id, message);
  }

  /** How often a job is subscribed to now. */
  watchers(id: string): number {
    return [...this.sockets].filter((socket) => socket.jobs.has(id)).length;
  }

  #tell(id: string, message: object): void {
    for (const socket of this.sockets) if (socket.watches(id)) socket.say(message);
  }

  async #answer(url: string, init: RequestInit = {}): Promise<Response> {
    const { pathname: path, searchParams } = new URL(url);
    const method = init.method ?? "GET";
    const text = typeof init.body === "string" ? JSON.parse(init.body) : init.body;
    const request = { method, path, body: text, headers: new Headers(init.headers) };
    this.requests.push(request);
    if (!this.reachable) throw new TypeError("Failed to fetch");
    const own = this.routes.get(`${method} ${path}`);
    if (own !== undefined) return own(request);
    const list = this.lists.get(path);
    if (list !== undefined && method === "GET") return Response.json(list(searchParams));
    if (path === "/v1/info") return Response.json(this.info);
    if (path === "/v1/jobs" && method === "GET") return Response.json(this.#list(searchParams));
    if (path === "/v1/jobs") {
      const { filename } = (text as { source?: { filename?: string } }).source ?? {};
      return Response.json(this.submitted(filename ?? "pasted.md"), { status: 202 });
    }
    const [, id = "", order] = /^\/v1\/jobs\/([^/]+)(?:\/(\w+))?$/.exec(path) ?? [];
    if (!this.jobs.has(id)) return problem(404, "not_found", "There is no such job.");
    if (order === "cancel") return Response.json(this.change(id, { status: "cancelled" }));
    if (order === "retry") {
      const again = { status: "queued", attempt: 2, error: null, stage: null } as const;
      return Response.json(this.change(id, again), { status: 202 });
    }
    return order === undefined
      ? Response.json(this.jobs.get(id))
      : problem(404, "not_found", "There is no such thing.");
  }

  /** A job that has just been accepted. */
  submitted(filename: string, batch: string | null = null): Job {
    return this.add({
      status: "queued",
      stage: null,
      progress: 0,
      stages: [],
      batch,
      document: named(filename),
      message: "Waiting",
      eta_seconds: null,
    });
  }

  #list(query: URLSearchParams): { items: Job[]; next: string | null } {
    const statuses = query.get("status")?.split(",");
    const q = query.get("q")?.toLowerCase() ?? "";
    const limit = Number(query.get("limit") ?? 50);
    const before = query.get("cursor") ?? "~";
    const all = [...this.jobs.values()]
      .filter(({ status }) => statuses === undefined || statuses.includes(status))
      .filter(({ document }) => (document?.filename ?? "").toLowerCase().includes(q))
      .filter(({ id }) => id < before)
      .sort((a, b) => (a.id < b.id ? 1 : -1));
    const items = all.slice(0, limit);
    return { items, next: all.length > limit ? (items.at(-1)?.id ?? null) : null };
  }
}

/** One WebSocket. */
export class EdgeSocket {
  readonly jobs = new Set<string>();
  mine = false;
  readonly documents = new Set<string>();
  readyState = 0;
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: string }) => void) | null = null;
  onclose: ((event: { code: number; reason: string }) => void) | null = null;
  readonly #edge: Edge;

  constructor(edge: Edge) {
    this.#edge = edge;
    queueMicrotask(() => {
      if (edge.reachable) this.#opened();
      else this.drop(1006);
    });
  }

  #opened(): void {
    this.readyState = 1;
    this.#edge.sockets.add(this);
    this.onopen?.();
  }

  /** Whether it is to hear of a job. */
  watches(id: string): boolean {
    const document = this.#edge.jobs.get(id)?.document?.id ?? "";
    return this.mine || this.jobs.has(id) || this.documents.has(document);
  }

  send(text: string): void {
    const said = JSON.parse(text);
    queueMicrotask(() => this.#hear(said));
  }

  say(message: object): void {
    const data = JSON.stringify(message);
    queueMicrotask(() => this.onmessage?.({ data }));
  }

  /** The server closes, or the network breaks. */
  drop(code: number): void {
    if (this.readyState === 3) return;
    this.readyState = 3;
    this.#edge.sockets.delete(this);
    this.onclose?.({ code, reason: "" });
  }

  close(): void {
    this.drop(1000);
  }

  #hear(said: Record<string, unknown>): void {
    const { type, ref } = said;
    const jobs = (said.jobs ?? []) as string[];
    const documents = (said.documents ?? []) as string[];
    const wanted = type === "subscribe";
    const set = <T>(all: Set<T>, each: T) => (wanted ? all.add(each) : all.delete(each));
    if (type === "ping") this.say({ type: "pong", ref });
    else this.say(wanted ? { type: "subscribed", jobs, ref } : { type: "ok", ref });
    if (said.mine) this.mine = wanted;
    for (const id of jobs) set(this.jobs, id);
    for (const id of documents) set(this.documents, id);
    if (wanted) this.#first(jobs, documents, said);
  }

  /** The present state of what was subscribed to. */
  #first(jobs: readonly string[], documents: readonly string[], said: Record<string, unknown>) {
    const after = (said.after ?? {}) as Record<string, number>;
    for (const id of jobs) {
      if (this.#edge.jobs.has(id)) continue;
      this.jobs.delete(id);
      const message = "There is no such job.";
      this.say({ type: "error", code: "not_found", message, job: id, ref: said.ref });
    }
    for (const job of this.#edge.jobs.values()) {
      const asked = jobs.includes(job.id) && job.seq > (after[job.id] ?? 0);
      const follows = documents.includes(job.document?.id ?? "");
      // As the server does it: of all one's own jobs, those that have not ended.
      const own = said.mine === true && !isTerminal(job.status);
      if (asked || follows || own) this.say({ type: "snapshot", job });
    }
  }
}

/** One upload, which goes on when the test says so. */
export class EdgeUpload {
  url = "";
  status = 0;
  responseText = "";
  body: unknown;
  aborted = false;
  readonly headers = new Headers();
  readonly upload: { onprogress: ((event: { loaded: number; total: number }) => void) | null } = {
    onprogress: null,
  };
  onload: (() => void) | null = null;
  onerror: (() => void) | null = null;
  onabort: (() => void) | null = null;
  onloadend: (() => void) | null = null;

  open(_method: string, url: string): void {
    this.url = url;
  }

  setRequestHeader(name: string, value: string): void {
    this.headers.set(name, value);
  }

  getResponseHeader(): string | null {
    return null;
  }

  send(body: unknown): void {
    this.body = body;
  }

  abort(): void {
    this.aborted = true;
    this.onabort?.();
    this.onloadend?.();
  }

  /** So many bytes have left. */
  sent(loaded: number, total: number): void {
    this.upload.onprogress?.({ loaded, total });
  }

  /** The server answers. */
  answer(status: number, body: unknown): void {
    this.status = status;
    this.responseText = JSON.stringify(body);
    this.onload?.();
    this.onloadend?.();
  }

  /** The network breaks. */
  fail(): void {
    this.onerror?.();
    this.onloadend?.();
  }
}

/** A clock that goes when it is told to. */
export class ManualClock {
  #now = 1_764_000_000_000;
  readonly #due = new Set<{ readonly at: number; readonly run: () => void }>();

  now = (): number => this.#now;
  random = (): number => 1;

  after = (ms: number, run: () => void): (() => void) => {
    const entry = { at: this.#now + ms, run };
    this.#due.add(entry);
    return () => this.#due.delete(entry);
  };

  /** Lets time pass at once: for more than some seconds, in steps, or pings go unanswered. */
  advance(ms: number): void {
    const end = this.#now + ms;
    for (;;) {
      const [next] = [...this.#due].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at);
      if (next === undefined) break;
      this.#due.delete(next);
      this.#now = next.at;
      next.run();
    }
    this.#now = end;
  }
}
