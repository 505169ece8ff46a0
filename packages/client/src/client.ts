// The client. Enters: options, orders. Leaves: jobs, results, watches. Never: a
// rejection other than a `MilepostError`, or a credential in a URL.

import { closedError, MilepostError, networkError, tokenError } from "./errors.js";
import { baseOf, Http, type Query } from "./http.js";
import { Live } from "./live/live.js";
import { guarded, type Log, systemClock } from "./platform.js";
import type {
  ApiKey,
  Batch,
  Collection,
  CollectionDocument,
  CollectionWish,
  ConnectionState,
  Document,
  Format,
  Info,
  IngestSource,
  Job,
  JobEvent,
  JobsFilter,
  KeyWish,
  List,
  LiveJob,
  LiveJobs,
  MilepostOptions,
  PageInfo,
  PushSubscriptionFields,
  PushSubscriptionInfo,
  Readable,
  SearchAnswer,
  SearchOptions,
  Session,
  Source,
  Stats,
  SubmitOptions,
  SubmittedJob,
  Watch,
  WatchHandlers,
  WatchTarget,
} from "./types.js";

/** Lets a call be given up. */
export interface CallOptions {
  readonly signal?: AbortSignal;
}

/** Which page of a list. */
export interface Paging extends CallOptions {
  readonly cursor?: string;
  /** 1 to 200; 50 by default. */
  readonly limit?: number;
}

const job = (id: string, rest = ""): string => `/v1/jobs/${encodeURIComponent(id)}${rest}`;
const batch = (id: string, rest = ""): string => `/v1/batches/${encodeURIComponent(id)}${rest}`;
const stored = (id: string, rest = ""): string => `/v1/documents/${encodeURIComponent(id)}${rest}`;
const within = (name: string, rest = ""): string =>
  `/v1/collections/${encodeURIComponent(name)}${rest}`;
const entry = (name: string, id: string): string =>
  within(name, `/documents/${encodeURIComponent(id)}`);

/** The query of a list of jobs. */
export const jobsQuery = ({ status, ...rest }: JobsFilter): Query => ({
  ...rest,
  status: typeof status === "object" ? status.join(",") : status,
});

/** The part that submits. Where it cannot be loaded, nothing can be sent either. */
const uploads = () =>
  import("./upload.js").catch((error: unknown) => {
    throw networkError(error);
  });

/** A Milepost server: orders, reads, and jobs watched live over one connection. */
export class Milepost {
  /** How the connection for watches stands. */
  readonly connection: Readable<ConnectionState> & { retryNow(): void };
  readonly #http: Http;
  readonly #live: Live;
  readonly #timeout: number;
  #closed = false;

  constructor(options: MilepostOptions = {}) {
    const clock = options.clock ?? systemClock;
    const log = logger(options.debug);
    const base = baseOf(options.baseUrl);
    this.#timeout = options.timeout ?? 300_000;
    const own = options.fetch ?? globalThis.fetch;
    this.#http = new Http({
      base,
      // The platform's own must be called without a receiver.
      fetch: (input, init) => own(input, init),
      clock,
      timeout: this.#timeout,
      log,
      token: async () => {
        if (this.#closed) throw closedError();
        if (!options.getToken) return options.token;
        try {
          return await options.getToken();
        } catch (error) {
          throw error instanceof MilepostError ? error : tokenError(error);
        }
      },
    });
    this.#live = new Live({ http: this.#http, base, clock, log, options, queryOf: jobsQuery });
    this.connection = this.#live.connection;
  }

  /** Submits a document. Sent again after a failure of the network, it still makes one job. */
  async submit(source: Source, options?: SubmitOptions): Promise<SubmittedJob> {
    const { submit } = await uploads();
    return submit(this.#upload, source, options);
  }

  /** Submits several documents as one batch. */
  async submitAll(
    sources: readonly Source[],
    options?: SubmitOptions,
  ): Promise<{ batch: Batch; jobs: SubmittedJob[] }> {
    const { submitAll } = await uploads();
    return submitAll(this.#upload, sources, options);
  }

  /**
   * Puts documents into a collection, all in one job, 1,000 at most. Files are stored first, one
   * after the other. To have a job for each, use `submitAll` with `pipeline: "ingest"`.
   */
  async ingest(
    sources: readonly (Source | IngestSource)[],
    options?: SubmitOptions,
  ): Promise<SubmittedJob> {
    const { ingest } = await uploads();
    return ingest(this.#upload, sources, options);
  }

  /** The present state of a job. */
  job(id: string, { signal }: CallOptions = {}): Promise<Job> {
    return this.#http.json(job(id), { signal });
  }

  /** Jobs, newest first. */
  jobs(filter: JobsFilter = {}, { signal }: CallOptions = {}): Promise<List<Job>> {
    return this.#http.json("/v1/jobs", { query: jobsQuery(filter), signal });
  }

  /** Stops a job, in the middle of a page too. Does no harm to one that is cancelled already. */
  cancel(id: string): Promise<Job> {
    return this.#http.json(job(id, "/cancel"), { method: "POST", repeatable: true });
  }

  /** Queues the next attempt of a job that has ended. */
  retry(id: string): Promise<Job> {
    return this.#http.json(job(id, "/retry"), { method: "POST" });
  }

  /** Lets a held job run, with its document where it has none yet. */
  async confirm(id: string, source?: Source, options?: SubmitOptions): Promise<Job> {
    const { confirm } = await uploads();
    return confirm(this.#upload, id, source, options);
  }

  /** Deletes a job that has ended, and its result. */
  async remove(id: string): Promise<void> {
    await this.#http.text(job(id), { method: "DELETE" });
  }

  /** The text of a result; Markdown unless `format` says otherwise. */
  result(id: string, { format, signal }: CallOptions & { format?: Format } = {}): Promise<string> {
    return this.#http.text(job(id, "/result"), { query: { format }, signal });
  }

  /** A result as bytes, to be saved. */
  resultBlob(id: string, { format, signal }: CallOptions & { format?: Format } = {}) {
    return this.#http.blob(job(id, "/result"), { query: { format }, signal });
  }

  /** Where a result is. No credential is in it: it serves whoever has a session. */
  resultUrl(id: string, format?: Format): string {
    return this.#http.url(job(id, "/result"), { format });
  }

  /** The pages that are converted so far. */
  pages(id: string, { signal, ...query }: Paging = {}): Promise<List<PageInfo>> {
    return this.#http.json(job(id, "/pages"), { query: { ...query }, signal });
  }

  /** The text of one page, from 1; Markdown unless `format` says otherwise. */
  page(id: string, page: number, { format, signal }: CallOptions & { format?: Format } = {}) {
    return this.#http.text(job(id, `/pages/${page}`), { query: { format }, signal });
  }

  /** The log of a job behind `after`. */
  events(
    id: string,
    { signal, ...query }: Paging & { after?: number } = {},
  ): Promise<List<JobEvent>> {
    return this.#http.json(job(id, "/events"), { query: { ...query }, signal });
  }

  /** A token that reads this job and nothing else. `expiresIn` is seconds; a day by default. */
  async share(
    id: string,
    { expiresIn }: { expiresIn?: number } = {},
  ): Promise<{ token: string; expiresAt: string }> {
    const json = expiresIn === undefined ? {} : { expires_in: expiresIn };
    const made = await this.#http.json<{ token: string; expires_at: string }>(job(id, "/share"), {
      method: "POST",
      json,
    });
    return { token: made.token, expiresAt: made.expires_at };
  }

  /** Makes all tokens of this job void. */
  async unshare(id: string): Promise<void> {
    await this.#http.text(job(id, "/share"), { method: "DELETE" });
  }

  /** Stored documents. */
  readonly documents = {
    list: (paging: Paging & { q?: string } = {}): Promise<List<Document>> => {
      const { signal, ...query } = paging;
      return this.#http.json("/v1/documents", { query: { ...query }, signal });
    },
    get: (id: string): Promise<Document> => this.#http.json(stored(id)),
    /** Stores a document without a job. */
    upload: async (
      file: Blob | { file: Blob; filename?: string },
      options?: Pick<SubmitOptions, "signal" | "onUploadProgress">,
    ): Promise<Document> => {
      const { uploadDocument } = await uploads();
      return uploadDocument(this.#upload, file, options);
    },
    remove: async (id: string): Promise<void> => {
      await this.#http.text(stored(id), { method: "DELETE" });
    },
    /** The document as it was sent. */
    content: (id: string): Promise<Blob> => this.#http.blob(stored(id, "/content")),
  };

  /** What documents are put into, to be searched. */
  readonly collections = {
    /** By name. */
    list: ({ signal, ...query }: Paging = {}): Promise<List<Collection>> =>
      this.#http.json("/v1/collections", { query: { ...query }, signal }),
    get: (name: string, { signal }: CallOptions = {}): Promise<Collection> =>
      this.#http.json(within(name), { signal }),
    /** Makes it, or changes it: one with documents keeps its embedder and its distance. */
    put: (name: string, wish: CollectionWish = {}): Promise<Collection> =>
      this.#http.json(within(name), { method: "PUT", json: wish, repeatable: true }),
    /** Deletes it and all that is in it. The stored documents stay. */
    remove: async (name: string): Promise<void> => {
      await this.#http.text(within(name), { method: "DELETE" });
    },
    /** The documents in it, oldest first. */
    documents: (
      name: string,
      { signal, ...query }: Paging = {},
    ): Promise<List<CollectionDocument>> =>
      this.#http.json(within(name, "/documents"), { query: { ...query }, signal }),
    document: (
      name: string,
      id: string,
      { signal }: CallOptions = {},
    ): Promise<CollectionDocument> => this.#http.json(entry(name, id), { signal }),
    removeDocument: async (name: string, id: string): Promise<void> => {
      await this.#http.text(entry(name, id), { method: "DELETE" });
    },
    /** Puts another version in the place of a document, which can be found until that is there. */
    replaceDocument: async (
      name: string,
      id: string,
      source: Source,
      options?: SubmitOptions,
    ): Promise<SubmittedJob> => {
      const { replace } = await uploads();
      return replace(this.#upload, entry(name, id), source, options);
    },
  };

  /** The best passages of a collection for a question, the best first. */
  search(
    collection: string,
    query: string,
    { signal, ...how }: SearchOptions & CallOptions = {},
  ): Promise<SearchAnswer> {
    return this.#http.json(within(collection, "/search"), {
      method: "POST",
      json: { query, ...how },
      signal,
      repeatable: true,
    });
  }

  /** The best passages of all one's own collections, or of those named. */
  searchAll(
    query: string,
    {
      signal,
      collections,
      ...how
    }: Omit<SearchOptions, "filter"> & CallOptions & { collections?: readonly string[] } = {},
  ): Promise<SearchAnswer> {
    const asked = { q: query, ...how, collection: collections };
    return this.#http.json("/v1/search", { query: asked, signal });
  }

  /** Jobs that were submitted together. */
  readonly batches = {
    /** Newest first. */
    list: ({ signal, ...query }: Paging = {}): Promise<List<Batch>> =>
      this.#http.json("/v1/batches", { query: { ...query }, signal }),
    get: (id: string): Promise<Batch> => this.#http.json(batch(id)),
    /** Cancels what has not ended. */
    cancel: (id: string): Promise<Batch> =>
      this.#http.json(batch(id, "/cancel"), { method: "POST", repeatable: true }),
    /** Queues the next attempt of what failed or was cancelled. */
    retry: (id: string): Promise<Batch> => this.#http.json(batch(id, "/retry"), { method: "POST" }),
  };

  /** What the server is doing, and what ended since (30 days by default). */
  stats({ since, signal }: CallOptions & { since?: string | Date } = {}): Promise<Stats> {
    const query = { since: since instanceof Date ? since.toISOString() : since };
    return this.#http.json("/v1/stats", { query, signal });
  }

  /** What the server is, and can do. */
  info({ signal }: CallOptions = {}): Promise<Info> {
    return this.#http.json("/v1/info", { signal });
  }

  /** Who the caller is: for pages, by a cookie that scripts cannot read. */
  readonly session = {
    get: (): Promise<Session> => this.#http.json("/v1/session"),
    /** Begins a session by a key or a token. The connection is opened anew. */
    login: async (token: string): Promise<Session> => {
      const session = await this.#http.json<Session>("/v1/session", {
        method: "POST",
        json: { token },
      });
      this.#live.restart();
      return session;
    },
    logout: async (): Promise<void> => {
      await this.#http.text("/v1/session", { method: "DELETE" });
      this.#live.restart();
    },
  };

  /** The server's API keys, for administrators. */
  readonly keys = {
    list: ({ signal, ...query }: Paging = {}): Promise<List<ApiKey>> =>
      this.#http.json("/v1/keys", { query: { ...query }, signal }),
    /** Makes one. `key` is shown this once. `expiresIn` is seconds; without it the key stays. */
    create: ({ expiresIn, ...wish }: KeyWish): Promise<ApiKey & { key: string }> =>
      this.#http.json("/v1/keys", {
        method: "POST",
        json: expiresIn === undefined ? wish : { ...wish, expires_in: expiresIn },
      }),
    revoke: async (id: string): Promise<void> => {
      await this.#http.text(`/v1/keys/${encodeURIComponent(id)}`, { method: "DELETE" });
    },
  };

  /** Messages to this browser when a job ends and no page is open. */
  readonly push = {
    /** Takes what `PushSubscription.toJSON()` gives. */
    subscribe: (subscription: PushSubscriptionFields | PushSubscriptionJSON) =>
      this.#http.json<PushSubscriptionInfo>("/v1/push/subscriptions", {
        method: "POST",
        json: subscription,
        repeatable: true,
      }),
    list: (): Promise<List<PushSubscriptionInfo>> => this.#http.json("/v1/push/subscriptions"),
    remove: async (id: string): Promise<void> => {
      await this.#http.text(`/v1/push/subscriptions/${encodeURIComponent(id)}`, {
        method: "DELETE",
      });
    },
  };

  /** Watches jobs. All watches share one connection. */
  watch(target: WatchTarget, handlers: WatchHandlers = {}): Watch {
    return this.#live.watch(target, handlers);
  }

  /** One job, kept up to date while somebody listens, over retries too. */
  live(id: string): Readable<LiveJob> {
    return this.#live.job(id);
  }

  /** A list of jobs, kept up to date while somebody listens, unless `live` is false. */
  liveJobs(filter: JobsFilter & { live?: boolean } = {}): Readable<LiveJobs> {
    return this.#live.jobs(filter);
  }

  /** Ends all watches and the connection. Calls behind it are refused with `closed`. */
  close(): void {
    this.#closed = true;
    this.#live.close();
  }

  get #upload() {
    return { http: this.#http, timeout: this.#timeout };
  }
}

function logger(debug: MilepostOptions["debug"]): Log {
  if (typeof debug === "function") return (line, detail) => guarded(() => debug(line, detail));
  if (!debug) return () => undefined;
  return (line, detail) => {
    // biome-ignore lint/suspicious/noConsole: `debug: true` asks for exactly this.
    console.debug(`milepost: ${line}`, detail ?? "");
  };
}
