/**
 * A job as pages that join rooms know it.
 *
 * Enters: a snapshot, or what a server said. Leaves: the job in these pages' fields. Never: passes
 * on what is no job.
 */

import type { Job } from "@milepost/client";

/** The fields of a job that pages show. Over Socket.IO the server sends more of them. */
export interface RoomJob {
  id: string | number;
  status: "pending" | "processing" | "completed" | "failed" | "cancelled";
  original_filename: string;
  /** 0 to 100. */
  progress_percent: number;
  current_step: string | null;
  total_chunks: number | null;
  processed_chunks: number;
  error_message: string | null;
  error_code: string | null;
  is_cancelled: boolean;
  retry_count: number;
  max_retries: number;
  created_at: string;
  started_at: string | null;
  completed_at: string | null;
  cancelled_at: string | null;
  readonly [field: string]: unknown;
}

const STATUSES = {
  awaiting: "pending",
  queued: "pending",
  running: "processing",
  completed: "completed",
  failed: "failed",
  cancelled: "cancelled",
} as const;

/** The job of a snapshot. */
export function roomJob(job: Job): RoomJob {
  const counted = job.stages.findLast(({ total, unit }) => total != null && unit !== "byte");
  const cancelled = job.status === "cancelled";
  const ended = job.finished_at ?? null;
  return {
    id: job.id,
    status: STATUSES[job.status],
    original_filename: job.document?.filename ?? "unknown.pdf",
    progress_percent: Math.floor(job.progress),
    current_step: job.message,
    total_chunks: counted?.total ?? null,
    processed_chunks: counted?.done ?? 0,
    error_message: job.error?.message ?? null,
    error_code: job.error?.code ?? null,
    is_cancelled: cancelled,
    retry_count: job.attempt - 1,
    max_retries: job.max_attempts - 1,
    created_at: job.created_at,
    started_at: job.started_at ?? null,
    completed_at: cancelled ? null : ended,
    cancelled_at: cancelled ? ended : null,
  };
}

const KNOWN: readonly unknown[] = Object.values(STATUSES);

/** Whether what a server said is a job. */
export function isRoomJob(value: unknown): value is RoomJob {
  if (typeof value !== "object" || value === null) return false;
  const { id, status, progress_percent } = value as Record<string, unknown>;
  return (
    (typeof id === "string" || typeof id === "number") &&
    KNOWN.includes(status) &&
    typeof progress_percent === "number"
  );
}

/** Whether nothing follows by itself. */
export function hasEnded(job: RoomJob): boolean {
  return job.status !== "pending" && job.status !== "processing";
}
