// Calls to a server, as another program makes them while a page is open. Enters: what
// to do. Leaves: the answer's JSON, or an error with the problem. Never: what the
// client package does; what a journey looks at goes through the page.

import { until } from "./until.js";

/** What the journeys read of a job. */
export interface JobView {
  readonly id: string;
  readonly seq: number;
  readonly status: string;
  readonly batch: string | null;
  readonly error: { readonly code: string; readonly message: string } | null;
}

/** A report on a job whose work is done outside. */
export interface Report {
  readonly stage?: string;
  readonly done?: number;
  readonly total?: number;
  readonly unit?: string;
  readonly message?: string;
  readonly agents?: readonly {
    readonly name: string;
    readonly status?: string;
    readonly progress?: number;
    readonly message?: string;
  }[];
}

export class Api {
  private readonly base: string;
  private readonly token: string | undefined;

  constructor(base: string, token: string | undefined) {
    this.base = base;
    this.token = token;
  }

  /** One call. `body` is sent as JSON, or as it is where it is a form. */
  async call<T>(method: string, path: string, body?: unknown): Promise<T> {
    const headers = new Headers();
    if (this.token !== undefined) headers.set("Authorization", `Bearer ${this.token}`);
    const init: RequestInit = { method, headers };
    if (body instanceof FormData) {
      init.body = body;
    } else if (body !== undefined) {
      headers.set("Content-Type", "application/json");
      init.body = JSON.stringify(body);
    }
    const answer = await fetch(`${this.base}${path}`, init);
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    return (text === "" ? undefined : JSON.parse(text)) as T;
  }

  job(id: string): Promise<JobView> {
    return this.call("GET", `/v1/jobs/${id}`);
  }

  jobs(query = ""): Promise<{ items: JobView[]; next: string | null }> {
    return this.call("GET", `/v1/jobs${query}`);
  }

  /** Submits a text under a file's name. */
  text(text: string, filename: string, more: object = {}): Promise<JobView> {
    return this.call("POST", "/v1/jobs", { source: { text, filename }, ...more });
  }

  /** Submits a file. */
  file(bytes: Uint8Array, filename: string, fields: Record<string, string> = {}): Promise<JobView> {
    const form = new FormData();
    for (const [name, value] of Object.entries(fields)) form.set(name, value);
    form.set("file", new Blob([new Uint8Array(bytes)]), filename);
    return this.call("POST", "/v1/jobs", form);
  }

  /** Submits a job of two stages whose work the journey does itself, report by report. */
  external(filename: string): Promise<JobView> {
    return this.text("The work on it is done outside.", filename, {
      pipeline: "external",
      stages: [
        { name: "reading", weight: 1 },
        { name: "writing", weight: 1 },
      ],
    });
  }

  /** Puts texts into a collection, a job for each, and waits until they can be found. */
  async ingest(collection: string, texts: Readonly<Record<string, string>>): Promise<void> {
    for (const [filename, text] of Object.entries(texts)) {
      const { id } = await this.text(text, filename, { pipeline: "ingest", collection });
      await this.ended(id);
    }
  }

  /** Waits until a job has ended, and fails where it did not complete. */
  async ended(id: string): Promise<void> {
    await until(`the job ${id} has ended`, async () => {
      const { status, error } = await this.job(id);
      if (status === "failed" || status === "cancelled") throw new Error(error?.message ?? status);
      return status === "completed";
    });
  }

  report(id: string, report: Report): Promise<{ seq: number; cancelled: boolean }> {
    return this.call("POST", `/v1/jobs/${id}/progress`, report);
  }

  complete(id: string, result: unknown): Promise<void> {
    return this.call("POST", `/v1/jobs/${id}/complete`, { result });
  }

  fail(id: string, error: { code: string; message: string; retryable: boolean }): Promise<void> {
    return this.call("POST", `/v1/jobs/${id}/fail`, { error });
  }

  /** How many connections watch at this moment, as the server counts them. */
  async connections(): Promise<number> {
    const stats = await this.call<{ connections: number }>("GET", "/v1/stats");
    return stats.connections;
  }
}
