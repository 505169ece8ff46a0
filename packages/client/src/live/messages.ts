// Messages from outside. Enters: whatever came. Leaves: what is understood of it, or
// nothing. Never: believes a field that it did not look at, or throws.

import { MilepostError } from "../errors.js";
import type { Job, ServerMessage, Status } from "../types.js";
import type { Topic } from "./topics.js";

/** Characters of one message, far above what a server sends. */
export const MAX_MESSAGE = 4_000_000;

/** What every transport makes of what it hears. */
export type Incoming =
  | { readonly type: "snapshot"; readonly job: Job }
  | {
      readonly type: "queue";
      readonly job: string;
      readonly position: number;
      readonly length: number;
    }
  | { readonly type: "removed"; readonly job: string }
  /** Jobs as they are now. `mine`: one's own newest, which are not all that is watched. */
  | { readonly type: "list"; readonly jobs: readonly Job[]; readonly mine: boolean }
  /** A topic that cannot be watched. */
  | { readonly type: "refused"; readonly topic: Topic; readonly error: MilepostError }
  /** The server knows less of this job than the client: it was restored. */
  | { readonly type: "behind"; readonly job: string };

const STATUSES: ReadonlySet<unknown> = new Set<Status>([
  "awaiting",
  "queued",
  "running",
  "completed",
  "failed",
  "cancelled",
]);

type Fields = Readonly<Record<string, unknown>>;

/** An object, whose fields are still unknown. */
export const fieldsOf = (value: unknown): Fields | undefined =>
  typeof value === "object" && value !== null ? (value as Fields) : undefined;

/** A text as JSON; nothing where it is none, or too long. */
export function parse(text: unknown): unknown {
  if (typeof text !== "string" || text.length > MAX_MESSAGE) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const isText = (value: unknown): value is string => typeof value === "string";
const isCount = (value: unknown): value is number => Number.isSafeInteger(value);

/** A job, where all that the client relies on is there. */
export function jobOf(value: unknown): Job | undefined {
  const job = fieldsOf(value);
  const whole =
    job &&
    isText(job.id) &&
    isCount(job.seq) &&
    STATUSES.has(job.status) &&
    Number.isFinite(job.progress) &&
    isText(job.message) &&
    isText(job.updated_at) &&
    Array.isArray(job.stages) &&
    job.stages.every((stage) => isText(fieldsOf(stage)?.name) && isText(fieldsOf(stage)?.status)) &&
    isOptional(job.document, (document) => isText(document.id) && isText(document.filename)) &&
    isOptional(job.error, (error) => isText(error.code) && isText(error.message));
  return whole ? (value as Job) : undefined;
}

function isOptional(value: unknown, holds: (fields: Fields) => boolean): boolean {
  if (value === undefined || value === null) return true;
  const fields = fieldsOf(value);
  return fields !== undefined && holds(fields);
}

/** A message of the server; nothing where it is not understood. */
export function messageOf(value: unknown): ServerMessage | undefined {
  const message = fieldsOf(value);
  if (!message) return undefined;
  switch (message.type) {
    case "snapshot":
      return jobOf(message.job) && (value as ServerMessage);
    case "queue":
      return isText(message.job) && isCount(message.position) && isCount(message.length)
        ? (value as ServerMessage)
        : undefined;
    case "removed":
      return isText(message.job) ? (value as ServerMessage) : undefined;
    case "error":
      return isText(message.code) && isText(message.message) ? (value as ServerMessage) : undefined;
    case "draining":
      return isCount(message.retry_after_ms) ? (value as ServerMessage) : undefined;
    case "subscribed":
    case "ok":
    case "pong":
      return value as ServerMessage;
    default:
      return undefined;
  }
}

/** What a refused subscription means for its topic. */
export function refusalOf(topic: Topic, code: string, message: string): Incoming {
  return code === "conflict" && topic.startsWith("job:")
    ? { type: "behind", job: topic.slice(4) }
    : { type: "refused", topic, error: new MilepostError(code, message) };
}
