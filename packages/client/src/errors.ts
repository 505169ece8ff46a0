// Errors. Enters: an answer of the server, or what the platform threw. Leaves: a
// `MilepostError` with a stable code. Never: a credential or a body in a text.

import type { Problem } from "./types.js";

/** Statuses behind which the same request may succeed later. */
const RETRYABLE = new Set([408, 425, 429, 500, 502, 503, 504]);

/** Failures of what stands before the server. */
export const GATEWAY = new Set([502, 503, 504]);

/** Characters of a message. */
const MAX_TEXT = 1_000;

interface Details {
  readonly status?: number | undefined;
  readonly retryable?: boolean;
  readonly retryAfter?: number | undefined;
  readonly field?: string | undefined;
  readonly problem?: Problem | undefined;
  readonly cause?: unknown;
}

/** What every promise of the client rejects with. */
export class MilepostError extends Error {
  override readonly name = "MilepostError";
  /**
   * For programs. One of the server's codes (of refusals and of jobs), or `network`,
   * `timeout`, `token`, `aborted`, `invalid_response`, `closed`.
   */
  readonly code: string;
  /** The HTTP status, where there was an answer. */
  readonly status: number | undefined;
  /** Whether the same may succeed later. */
  readonly retryable: boolean;
  /** Seconds to wait before that. */
  readonly retryAfter: number | undefined;
  /** What of the request is at fault. */
  readonly field: string | undefined;
  /** What the server said, whole. */
  readonly problem: Problem | undefined;

  constructor(code: string, message: string, details: Details = {}) {
    super(message, { cause: details.cause });
    this.code = code;
    this.status = details.status;
    this.retryable = details.retryable ?? false;
    this.retryAfter = details.retryAfter;
    this.field = details.field;
    this.problem = details.problem;
  }
}

/** The server could not be reached, or the connection broke. */
export const networkError = (cause?: unknown): MilepostError =>
  new MilepostError(
    "network",
    "The server cannot be reached. Check the connection and try again.",
    {
      retryable: true,
      cause,
    },
  );

/** Nothing came for too long. */
export const timeoutError = (): MilepostError =>
  new MilepostError("timeout", "The server took too long to answer. Try again.", {
    retryable: true,
  });

/** What gives the credential failed; perhaps it does not later. */
export const tokenError = (cause: unknown): MilepostError =>
  new MilepostError("token", "The credential cannot be had. Try again, or sign in again.", {
    retryable: true,
    cause,
  });

/** A call was made with something else than it takes. */
export const invalidCall = (message: string): MilepostError =>
  new MilepostError("invalid_request", message);

/** `close` was called. */
export const closedError = (): MilepostError =>
  new MilepostError("closed", "The client was closed.");

/** The caller gave up. */
export const abortedError = (): MilepostError =>
  new MilepostError("aborted", "The request was given up.");

/** What came is not what the server promises; perhaps a proxy answered. */
export const invalidResponse = (status?: number): MilepostError =>
  new MilepostError("invalid_response", "The answer is not one of a Milepost server.", { status });

/** A refusal by its status and body; the body may be anything. */
export function refusal(status: number, body: string, retryAfter: string | null): MilepostError {
  const said = fieldsOf(body);
  const problem = typeof said?.code === "string" ? (said as unknown as Problem) : undefined;
  // The dialects put it in other words.
  const text = [said?.detail, said?.message, said?.error].find((one) => typeof one === "string");
  // A proxy says it in words of its own.
  const away = GATEWAY.has(status);
  const seconds = Number(problem?.retry_after ?? retryAfter ?? Number.NaN);
  return new MilepostError(
    problem?.code ?? (away ? "unavailable" : "invalid_response"),
    typeof text === "string"
      ? text.slice(0, MAX_TEXT)
      : away
        ? `The server is not available (status ${status}). Try again in a moment.`
        : `The server answered with status ${status}.`,
    {
      status,
      retryable: RETRYABLE.has(status),
      retryAfter: Number.isFinite(seconds) ? seconds : undefined,
      field: problem?.field ?? undefined,
      problem,
    },
  );
}

function fieldsOf(body: string): Readonly<Record<string, unknown>> | undefined {
  try {
    return JSON.parse(body) ?? undefined;
  } catch {
    return undefined;
  }
}
