/**
 * A job as pages that follow a document know it.
 *
 * Enters: a snapshot. Leaves: progress in these pages' words. Never: names the job.
 */

import type { Job, Stage } from "@milepost/client";

/** How far the conversion of a document is. */
export interface ConversionProgressMessage {
  documentId: string;
  status: "queued" | "processing" | "completed" | "failed" | "cancelled";
  stage: string;
  /** 0 to 100. */
  progress: number;
  message: string;
  /** Milliseconds. */
  estimatedTimeRemaining?: number;
  totalPages: number | null;
  processedPages: number;
  retryCount: number;
}

/** How a conversion ended well. */
export interface ConversionResult {
  success: true;
  totalPages: number | null;
}

/** Why a conversion failed. */
export interface ConversionError {
  message: string;
  code: string;
  /** Whether the same may succeed later. */
  retryable: boolean;
}

/** The progress of the document's job. */
export function documentProgress(documentId: string, job: Job): ConversionProgressMessage {
  const counted = job.stages.find(({ unit }) => unit === "page");
  const totalPages = counted?.total ?? job.document?.pages ?? null;
  const processedPages = (job.status === "completed" ? totalPages : counted?.done) ?? 0;
  return {
    documentId,
    ...words(job),
    progress: job.progress,
    message: job.message,
    ...(job.eta_seconds == null ? {} : { estimatedTimeRemaining: job.eta_seconds * 1000 }),
    totalPages,
    processedPages,
    retryCount: job.attempt - 1,
  };
}

function words(job: Job): Pick<ConversionProgressMessage, "status" | "stage"> {
  switch (job.status) {
    case "awaiting":
    case "queued":
      return { status: "queued", stage: "queued" };
    case "running":
      return { status: "processing", stage: STAGES[job.stage ?? ""] ?? "processing_pages" };
    case "cancelled":
      return { status: "cancelled", stage: "failed" };
    default:
      return { status: job.status, stage: job.status };
  }
}

const STAGES: Readonly<Record<Stage["name"], string>> = {
  fetching: "initializing",
  detecting: "initializing",
  analyzing: "initializing",
  extracting: "extracting_pages",
  assembling: "finalizing",
  merging: "finalizing",
};
