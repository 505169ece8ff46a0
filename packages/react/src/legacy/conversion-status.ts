/**
 * A job as pages that were written for `/api/v1/conversions` know it.
 *
 * Enters: a snapshot, or anything that claims to be a status. Leaves: a flat status. Never: passes
 * on what is none.
 */

import type { ConnectionState, Job } from "@milepost/client";

/** What an agent does. */
export interface AgentStatus {
  name: string;
  status: "pending" | "running" | "completed" | "failed";
  /** 0 to 100. */
  progress: number;
  message?: string;
}

/** The whole state of a conversion. */
export interface ConversionStatus {
  job_id: string;
  /** `queued`, `processing`, `completed`, `failed` or `cancelled`. */
  status: string;
  /** 0 to 100. */
  progress: number;
  message: string;
  /** `Queued`, `Processing` or `Completed`. */
  stage?: string | null;
  /** Seconds. */
  estimated_time_remaining?: number | null;
  result_url?: string | null;
  error?: string | null;
  /** ISO 8601. */
  created_at: string;
  agents?: AgentStatus[];
  current_agent?: string;
}

/** How the page is connected. */
export type ConnectionStatus = "connecting" | "connected" | "disconnected" | "error";

/** The status of a job. */
export function conversionStatus(job: Job): ConversionStatus {
  const agents = job.agents?.map(
    ({ name, status, progress, message }): AgentStatus => ({
      name,
      status: agentStatus(status),
      progress: progress ?? (agentStatus(status) === "completed" ? 100 : 0),
      ...(message == null ? {} : { message }),
    }),
  );
  const current = agents?.find(({ status }) => status === "running")?.name;
  return {
    job_id: job.id,
    status: STATUSES[job.status],
    progress: job.progress,
    message: job.message,
    stage: stageOf(job),
    estimated_time_remaining: job.eta_seconds ?? null,
    result_url: job.result?.url ?? null,
    error: job.error?.message ?? null,
    created_at: job.created_at,
    ...(agents === undefined ? {} : { agents }),
    ...(current === undefined ? {} : { current_agent: current }),
  };
}

const STATUSES: Readonly<Record<Job["status"], string>> = {
  awaiting: "queued",
  queued: "queued",
  running: "processing",
  completed: "completed",
  failed: "failed",
  cancelled: "cancelled",
};

function stageOf(job: Job): string {
  if (job.status === "completed") return "Completed";
  return job.started_at == null ? "Queued" : "Processing";
}

function agentStatus(word: string): AgentStatus["status"] {
  return word === "pending" || word === "completed" || word === "failed" ? word : "running";
}

/** The connection in the four words, and whether updates are pushed and not asked for. */
export function connectionStatus({ status, transport, error }: ConnectionState): {
  status: ConnectionStatus;
  pushed: boolean;
} {
  const pushed = transport !== "poll" && status !== "polling";
  switch (status) {
    case "live":
      return { status: "connected", pushed };
    case "connecting":
    case "retrying":
      return { status: "connecting", pushed };
    case "ended":
      return { status: error === undefined ? "disconnected" : "error", pushed };
    default:
      return { status: "disconnected", pushed };
  }
}

/** Whether a value that was stored somewhere is a status. */
export function isConversionStatus(value: unknown): value is ConversionStatus {
  if (typeof value !== "object" || value === null) return false;
  const { job_id, status, progress, message, created_at } = value as Record<string, unknown>;
  return (
    [job_id, status, message, created_at].every((field) => typeof field === "string") &&
    typeof progress === "number" &&
    progress >= 0 &&
    progress <= 100
  );
}
