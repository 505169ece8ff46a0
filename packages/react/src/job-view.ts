/**
 * What people are shown of a job.
 *
 * Enters: a snapshot, a language. Leaves: its name, stage, counter, remaining time and symbol.
 * Never: keeps anything.
 */

import type { Job, Stage } from "@milepost/client";
import type { Format } from "./format.js";
import type { TextKey, Texts } from "./texts/index.js";

/** The seven states of an upload, and the one of a job that its owner stopped. */
export type UploadState =
  | "received"
  | "extracting"
  | "chunking"
  | "enriching"
  | "indexing"
  | "completed"
  | "failed"
  | "cancelled";

/** A symbol for each state. */
export const symbols: Readonly<Record<UploadState, string>> = {
  received: "📥",
  extracting: "🔍",
  chunking: "✂️",
  enriching: "✨",
  indexing: "🗂️",
  completed: "✅",
  failed: "❌",
  cancelled: "🚫",
};

/** To which state the stages of other pipelines belong. What is not here is `extracting`. */
const STATE_OF_STAGE: Readonly<Record<string, UploadState>> = {
  chunking: "chunking",
  splitting: "chunking",
  enriching: "enriching",
  processing: "enriching",
  indexing: "indexing",
  merging: "indexing",
  assembling: "indexing",
};

/** The state of a job, whatever its pipeline. */
export function uploadState(job: Job): UploadState {
  switch (job.status) {
    case "awaiting":
    case "queued":
      return "received";
    case "running":
      return STATE_OF_STAGE[job.stage ?? ""] ?? "extracting";
    default:
      return job.status;
  }
}

/** The document's name; of a job without a document, the end of its id. */
export function jobName(job: Job | undefined, texts: Texts): string {
  if (job === undefined || job.document != null) {
    return job?.document?.filename || texts["job.unnamed"];
  }
  const { total } = job.documents;
  if (total > 1) return texts["job.many"].replace("{count}", String(total));
  return texts["job.nameless"].replace("{id}", job.id.slice(-6));
}

/** Whether nothing is heard of a job that runs: the server says so, or the client heard nothing. */
export function isStalled(job: Job, silent: boolean): boolean {
  return job.status === "running" && (silent || job.stalled === true);
}

/** A status or stage in words; the name of a stage of one's own pipeline as it is. */
export function stageText(job: Job, texts: Texts): string {
  if (job.status !== "running" || job.stage == null) return texts[`status.${job.status}`];
  return texts[`stage.${job.stage}`] ?? job.stage;
}

/** The stage under way. */
export function currentStage(job: Job): Stage | undefined {
  return job.stages.find(({ status }) => status === "running");
}

/** Which unit of how many is worked on: "page 4 of 10". Nothing where the stage counts nothing. */
export function unitText(
  stage: Stage | undefined,
  texts: Texts,
  format: Format,
): string | undefined {
  if (stage?.done == null || stage.total === 0) return undefined;
  const { unit, total } = stage;
  if (total == null) {
    return stage.done > 0 ? format.fill(texts["unit.so.far"], { done: stage.done }) : undefined;
  }
  if (unit === "byte") {
    const values = { done: format.bytes(stage.done), total: format.bytes(total) };
    return format.fill(texts["unit.byte"], values);
  }
  // As the server's own message says it: with 3 pages done, the fourth is worked on.
  const values = { unit: unit ?? "", done: Math.min(stage.done + 1, total), total };
  const known = unit === "page" || unit === "chunk" || unit === "document";
  const key: TextKey = known ? `unit.${unit}` : "unit.other";
  return format.fill(texts[key], values);
}

/** Everything worth saying beside the bar, in the order of its weight. */
export function detailTexts(job: Job, texts: Texts, format: Format): string[] {
  // Whoever works on an external job may have written the message; any other is made of this.
  const own = job.status === "running" && job.pipeline === "external";
  const parts = [own ? job.message : stageText(job, texts)];
  if (job.status === "queued" && job.queue != null) {
    parts.push(format.fill(texts["progress.queue"], { ...job.queue }));
  }
  if (job.status === "running") {
    const unit = own ? undefined : unitText(currentStage(job), texts, format);
    if (unit !== undefined) parts.push(unit);
    if (job.eta_seconds != null) {
      const time = format.duration(job.eta_seconds);
      parts.push(format.fill(texts["progress.eta"], { time }));
    }
  }
  if (job.attempt > 1 && (job.status === "queued" || job.status === "running")) {
    parts.push(format.fill(texts["progress.attempt"], { attempt: job.attempt }));
  }
  return parts;
}

/** What a button that does something to one thing is called. */
export function named(action: string, name: string, texts: Texts, format: Format): string {
  return format.fill(texts["action.named"], { action, name });
}
