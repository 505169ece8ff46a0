// Names for the wire's types. Until the server's description covers them they are
// written out here, in the shape in which they are generated. Never: code.

/** Where a job stands. */
export type Status = "awaiting" | "queued" | "running" | "completed" | "failed" | "cancelled";

/** A step of a job. */
export interface Stage {
  name: string;
  status: string;
  unit?: string | null;
  done?: number | null;
  total?: number | null;
  started_at?: string | null;
  finished_at?: string | null;
}

/** A party that works on an `external` job. */
export interface Agent {
  name: string;
  status: string;
  progress?: number | null;
  message?: string | null;
}

/** The complete state of a job. */
export interface Job {
  id: string;
  seq: number;
  pipeline: string;
  status: Status;
  attempt: number;
  max_attempts: number;
  progress: number;
  stage?: string | null;
  stages: Stage[];
  message: string;
  eta_seconds?: number | null;
  queue?: { position: number; length: number } | null;
  document?: {
    id: string;
    filename: string;
    media_type: string;
    bytes: number;
    pages?: number | null;
  } | null;
  documents: { total: number; done: number };
  batch?: string | null;
  collection?: string | null;
  agents?: Agent[] | null;
  result?: { url: string; formats: string[]; reused_from?: string | null } | null;
  error?: { code: string; message: string; retryable: boolean } | null;
  metadata?: unknown;
  created_at: string;
  started_at?: string | null;
  updated_at: string;
  finished_at?: string | null;
}

/** Jobs that were submitted together. */
export interface Batch {
  id: string;
  total: number;
  by_status: { [status: string]: number };
  progress: number;
}

/** A stored document. */
export interface Document {
  id: string;
  filename: string;
  media_type: string;
  bytes: number;
  sha256: string;
  pages?: number | null;
  created_at: string;
  latest_job?: { id: string; status: Status; progress: number } | null;
}

/** A page that is converted. `error` where there is only a placeholder. */
export interface PageInfo {
  page: number;
  bytes: number;
  error?: string | null;
  url: string;
  created_at: string;
}

/** An entry of a job's log. Further fields depend on `type`. */
export interface JobEvent {
  seq: number;
  at: string;
  type: string;
  [field: string]: unknown;
}

/** One page of a list. */
export interface List<T> {
  items: T[];
  next?: string | null;
}

/** A refusal (RFC 9457). */
export interface Problem {
  type: string;
  title: string;
  status: number;
  code: string;
  detail: string;
  field?: string | null;
  job_status?: string | null;
  limit?: string | null;
  request_id?: string | null;
  retry_after?: number | null;
}

/** A token that reads one job. */
export interface AccessToken {
  token: string;
  expires_at: string;
}

/** What the server is doing, and did. */
export interface Stats {
  connections: number;
  subscriptions: number;
  jobs: { [status: string]: number };
  queue: { depth: number; limit: number };
  usage: {
    bytes: number;
    bytes_limit?: number | null;
    waiting: number;
    waiting_limit?: number | null;
  };
  capacity: { slots: number; running: number };
  since: string;
  finished: {
    day: string;
    pipeline: string;
    media_type?: string | null;
    status: string;
    jobs: number;
    bytes: number;
    pages: number;
    mean_seconds?: number | null;
  }[];
  success_rate?: number | null;
}

/** What the server is, and can do. */
export interface Info {
  name: string;
  version: string;
  authentication: string[];
  fetch_by_url: boolean;
  push?: { public_key: string } | null;
  pipelines: string[];
  formats: string[];
  limits: { body: number; request_jobs: number };
}

/** Who the caller is. */
export interface Session {
  owner: string;
  scopes: string[];
  expires_at?: string | null;
}

/** A browser's `PushSubscription.toJSON()`. */
export interface PushSubscriptionFields {
  endpoint: string;
  expirationTime?: number | null;
  keys: { p256dh: string; auth: string };
}

/** An API key, without the key itself. */
export interface ApiKey {
  id: string;
  name: string;
  /** Its first letters. */
  start: string;
  owner: string;
  scopes: string[];
  created_at: string;
  used_at?: string | null;
  expires_at?: string | null;
  revoked_at?: string | null;
}

/** A subscription as the server lists it. */
export interface PushSubscriptionInfo {
  id: string;
  created_at: string;
  service: string;
}

/** What a client says on the WebSocket. */
export type ClientMessage =
  | {
      type: "subscribe";
      jobs?: string[];
      mine?: boolean;
      documents?: string[];
      batches?: string[];
      after?: { [job: string]: number };
      mode?: "latest" | "all";
      max_rate?: number;
      ref?: unknown;
    }
  | {
      type: "unsubscribe";
      jobs?: string[];
      mine?: boolean;
      documents?: string[];
      batches?: string[];
      ref?: unknown;
    }
  | { type: "cancel" | "retry"; job: string; ref?: unknown }
  | { type: "ping"; ref?: unknown }
  | { type: "auth"; token: string; ref?: unknown };

/** What the server says on the WebSocket. */
export type ServerMessage =
  | { type: "subscribed"; jobs: string[]; ref?: unknown }
  | { type: "snapshot"; job: Job }
  | { type: "queue"; job: string; position: number; length: number }
  | { type: "removed"; job: string }
  | { type: "ok"; ref?: unknown }
  | { type: "pong"; ref?: unknown }
  | {
      type: "error";
      code: string;
      message: string;
      job?: string | null;
      field?: string | null;
      ref?: unknown;
    }
  | { type: "draining"; retry_after_ms: number };
