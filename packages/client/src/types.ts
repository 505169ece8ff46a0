// The types of the package's surface. Enters: the wire's types. Leaves: what a
// user writes against. Never: code.

import type { MilepostError } from "./errors.js";
import type { Clock } from "./platform.js";
import type { Chunker, Distance, Job, SearchMode, Stage, Status } from "./wire-types.js";

export type {
  AccessToken,
  Agent,
  ApiKey,
  Batch,
  Chunker,
  ClientMessage,
  Collection,
  CollectionDocument,
  Distance,
  Document,
  Info,
  Job,
  JobEvent,
  List,
  PageInfo,
  Problem,
  PushSubscriptionFields,
  PushSubscriptionInfo,
  SearchAnswer,
  SearchHit,
  SearchMode,
  ServerMessage,
  Session,
  Stage,
  Stats,
  Status,
} from "./wire-types.js";

/** A status in which a job stays, unless it is retried. */
export type Terminal = "completed" | "failed" | "cancelled";

/** A way in which updates come. In this order they are tried, unless `transports` says otherwise. */
export type TransportName = "websocket" | "sse" | "poll";

/** A format of results. Which of them a job has stands in `job.result.formats`. */
export type Format = "markdown" | "json" | "html" | "text" | "chunks";

/**
 * How long to wait before the next attempt.
 * @param attempt failures in a row on this transport, from 1
 * @param lastError what ended the connection, or kept it from opening
 * @param latency of the last ping, in ms
 * @returns ms, or `null` to give this transport up; the last one ends the connection
 */
export type Backoff = (
  attempt: number,
  lastError: MilepostError | undefined,
  latency: number | undefined,
) => number | null;

/** The built-in back-off: doubling, with a limit, and at random below that. */
export interface BackoffOptions {
  /** ms before the first retry. 1,000 by default. */
  readonly initial?: number;
  /** The most ms between two attempts. 30,000 by default. */
  readonly max?: number;
  /** `full` (the default) waits anything between 0 and the computed time; `none` waits exactly that. */
  readonly jitter?: "full" | "none";
  /** Failures after which a transport is given up: the next one is taken, behind the last one it ends. `Infinity` by default; the next is taken behind five all the same. */
  readonly maxAttempts?: number;
}

/** Settings of a {@link Milepost}. */
export interface MilepostOptions {
  /** Where the server is. The page's origin by default; needed outside of browsers. */
  readonly baseUrl?: string | URL;
  /** The WebSocket's address. By default `/v1/ws` below `baseUrl`. */
  readonly wsUrl?: string | URL;
  /** An API key or a token, where the server asks for one and there is no session cookie. */
  readonly token?: string | undefined;
  /** In the place of `token`: asked for each call and connection, and again when a token was refused. */
  readonly getToken?: () => string | undefined | Promise<string | undefined>;
  /** ms that one HTTP call may take. 300,000 by default. */
  readonly timeout?: number;
  /** What to use, best first. `["websocket", "sse", "poll"]` by default. */
  readonly transports?: readonly TransportName[];
  /** How to wait between attempts to connect. */
  readonly backoff?: BackoffOptions | Backoff;
  /** Whether tabs with the same user share one connection. True by default, where the browser can. */
  readonly shareTabs?: boolean;
  /** Logs frames and decisions: `true` to the console, or into a function of one's own. */
  readonly debug?: boolean | ((line: string, detail?: unknown) => void);
  /** In the place of the platform's own. */
  readonly fetch?: typeof fetch;
  /** In the place of the platform's own; in Node.js 20, which has none, that of the package `ws`. */
  readonly webSocket?: SocketClass;
  /** Time and chance, for tests. */
  readonly clock?: Clock;
}

/** What of a WebSocket is used. */
export interface Socket {
  readonly readyState: number;
  onopen: ((event: never) => void) | null;
  onmessage: ((event: never) => void) | null;
  onerror: ((event: never) => void) | null;
  onclose: ((event: never) => void) | null;
  send(data: string): void;
  close(code?: number): void;
}

/** What makes one: the platform's `WebSocket`, or that of the package `ws`. */
export type SocketClass = new (url: string, protocols: string[]) => Socket;

/** Something that changes, as React's `useSyncExternalStore` wants it. */
export interface Readable<T> {
  /** The present value: the same object as long as nothing changed. */
  getSnapshot(): T;
  /** Calls `listener` after each change. Returns what ends that. */
  subscribe(listener: () => void): () => void;
}

/** What is submitted. A text that parses as an http(s) URL is fetched by the server; any other is the document. */
export type Source =
  | Blob
  | { readonly file: Blob; readonly filename?: string }
  | { readonly url: string; readonly filename?: string }
  | { readonly text: string; readonly filename?: string }
  | { readonly document: string }
  | string;

/** How a document is worked on; see the server's documentation. */
export interface JobOptions {
  /** Which pages, from 1: `1-3,7,10-`. */
  readonly pages?: string;
  /** Opens an encrypted document. */
  readonly password?: string;
  /** Which formats to make. */
  readonly formats?: readonly Format[];
  /** Pages of a chunk; of `sentences`. */
  readonly chunk_pages?: number;
  /** How documents are cut, in the place of the collection's way; of `ingest`. */
  readonly chunker?: Chunker;
  /** What makes the vectors of a collection that this job makes, by its name; of `ingest`. */
  readonly embedder?: string;
  /** Makes the collection anew, beside the present one until it is there; of `ingest`. */
  readonly force_recreate?: boolean;
}

/** What goes with a submission. */
export interface SubmitOptions {
  /** `convert` by default. */
  readonly pipeline?: string;
  readonly options?: JobOptions;
  /** The collection that the documents are put into; of `ingest`. `default` by default. */
  readonly collection?: string;
  /** Any JSON, 4 KiB at most; comes back with every snapshot. */
  readonly metadata?: unknown;
  /** -100 to 100; higher goes first. */
  readonly priority?: number;
  /** The job waits for `confirm`. */
  readonly hold?: boolean;
  /** Converts even what was converted before. */
  readonly force?: boolean;
  /** A batch that the job joins, or `new`. */
  readonly batch?: string;
  /** The steps of an `external` job. */
  readonly stages?: readonly { readonly name: string; readonly weight?: number }[];
  /** Sent twice, the same key makes one job. A random one by default, so that a retried submit does too. */
  readonly idempotencyKey?: string;
  /** Seconds to wait for the end, 60 at most. */
  readonly wait?: number;
  readonly signal?: AbortSignal;
  /** Bytes sent so far, and of how many. */
  readonly onUploadProgress?: (sent: number, total: number) => void;
}

/** One of the documents that a job puts into a collection. */
export interface IngestSource {
  /** Where the server fetches by URL, it does so for jobs of one document only. */
  readonly source: Source;
  /** What makes it the same document: one with an equal key is replaced. Its file's name by default. */
  readonly key?: string;
  /** Kept with its passages: searches can filter by it, as `metadata.NAME`. */
  readonly metadata?: Readonly<Record<string, unknown>>;
}

/** What a collection should be like. What is left out is the server's choice. */
export interface CollectionWish {
  /** How documents are cut. */
  readonly chunker?: Chunker;
  /** What makes its vectors, by its name; `null`: none, it is searched by words alone. */
  readonly embedder?: string | null;
  /** How vectors are compared; `cosine` by default. */
  readonly distance?: Distance;
}

/** What a field of a passage must be: a value, one of several, or within bounds. */
export type SearchTest =
  | string
  | number
  | boolean
  | { readonly eq: unknown }
  | { readonly in: readonly unknown[] }
  | {
      readonly gt?: string | number;
      readonly gte?: string | number;
      readonly lt?: string | number;
      readonly lte?: string | number;
    };

/** How to search. */
export interface SearchOptions {
  /** How many passages, 1 to 100; 10 by default. */
  readonly k?: number;
  /** By words, by meaning, or by both: the default where the collection has an embedder. */
  readonly mode?: SearchMode;
  /** What every passage must be; all of it holds. */
  readonly filter?: Readonly<Record<string, SearchTest>>;
  /** Whether the server's reranker orders the best ones anew. */
  readonly rerank?: boolean;
}

/** A job as it was accepted, with a token that reads it and nothing else. */
export type SubmittedJob = Job & {
  readonly access?: { readonly token: string; readonly expires_at: string };
};

/** An API key to be made. */
export interface KeyWish {
  /** What it is for. */
  readonly name: string;
  /** Whose jobs its holder makes and sees. The name by default. */
  readonly owner?: string;
  /** What its holder may do. `submit`, `read`, `cancel` and `work` by default. */
  readonly scopes?: readonly string[];
  /** Seconds that it lasts; for ever by default. */
  readonly expiresIn?: number;
}

/** Which jobs to list. */
export interface JobsFilter {
  readonly status?: Status | readonly Status[];
  readonly pipeline?: string;
  readonly document?: string;
  readonly batch?: string;
  /** The collection that they put documents into. */
  readonly collection?: string;
  /** A text in the file's name. */
  readonly q?: string;
  /** Somebody else's, or `*`, for those who may read them. */
  readonly owner?: string;
  /** 1 to 200; 50 by default. */
  readonly limit?: number;
  /** `next` of the page before. */
  readonly cursor?: string;
}

/** What to watch: a job, several, all one's own, those of a batch or over a document. */
export type WatchTarget =
  | string
  | readonly string[]
  | { readonly mine: true }
  | { readonly batch: string }
  | { readonly document: string };

/** What a watch calls. A handler that throws harms nobody else; its error goes to `reportError`; in Node.js it is an uncaught exception. */
export interface WatchHandlers {
  /** Every snapshot, the last one included. */
  onProgress?(job: Job): void;
  /** A stage began or ended. */
  onStage?(stage: Stage, job: Job): void;
  /** A waiting job has another place in the queue; `seq` is the same as before. */
  onQueue?(job: Job): void;
  onComplete?(job: Job): void;
  onCancelled?(job: Job): void;
  /** A job failed (with `job`), cannot be watched, or there will be no connection any more. */
  onError?(error: MilepostError, job?: Job): void;
  /** The job was deleted. */
  onRemoved?(id: string): void;
}

/**
 * A watch. It can be iterated: a reader that is slower than the updates gets the
 * newest snapshot of each job. One of jobs ends after the last terminal snapshot;
 * the others end by `close`.
 */
export interface Watch extends AsyncIterable<Job> {
  /** Resolves at the end, however it came. Never rejects. */
  readonly ended: Promise<void>;
  close(): void;
}

/** One job, kept up to date. */
export interface LiveJob {
  readonly job: Job | undefined;
  readonly error: MilepostError | undefined;
  /** Nothing was heard of the work for longer than is usual; the server says so. */
  readonly stalled: boolean;
  readonly removed: boolean;
}

/** A list of jobs, kept up to date. */
export interface LiveJobs {
  readonly jobs: readonly Job[];
  readonly loading: boolean;
  readonly error: MilepostError | undefined;
  readonly hasMore: boolean;
  loadMore(): Promise<void>;
  refresh(): Promise<void>;
}

/** How the connection stands. */
export interface ConnectionState {
  /** `idle`: nothing is watched. `ended`: closed, or not to be retried; `error` says why. */
  readonly status: "idle" | "connecting" | "live" | "retrying" | "polling" | "offline" | "ended";
  readonly transport: TransportName | undefined;
  /** Failures in a row on this transport. */
  readonly attempt: number;
  /** When the next attempt is made, in ms since 1970. */
  readonly retryAt: number | undefined;
  readonly error: MilepostError | undefined;
  /** Whether this tab has the connection for others, or uses that of another tab. */
  readonly role: "alone" | "leader" | "follower";
  readonly metrics: Metrics;
}

/** What the connection has seen. */
export interface Metrics {
  /** ms of the last ping or request. */
  readonly latency: number | undefined;
  /** Times it was opened again. */
  readonly reconnects: number;
  /** Times a resume was not possible, or a job went back: the present state was taken anew. */
  readonly gaps: number;
  /** Messages received. */
  readonly messages: number;
}
