/**
 * What a screen reader says of a job.
 *
 * Enters: what was said last, the next state. Leaves: the next thing to say, if there is one.
 * Never: each percent; only new stages, quarters, silence, and the end.
 */

import type { Job } from "@milepost/client";
import type { Format } from "./format.js";
import { jobName, stageText } from "./job-view.js";
import type { Texts } from "./texts/index.js";

/** What was said of a job so far. */
export interface Said {
  readonly status: Job["status"];
  readonly stage: string | undefined;
  readonly quarter: number;
  readonly stalled: boolean;
}

/** What was said behind this state. */
export function said(job: Job, stalled: boolean): Said {
  return {
    status: job.status,
    stage: job.stage ?? undefined,
    quarter: Math.floor(job.progress / 25),
    stalled,
  };
}

/** What is to be said now. Nothing of a state that was there when the page opened. */
export function announcement(
  before: Said | undefined,
  job: Job,
  stalled: boolean,
  texts: Texts,
  format: Format,
): string | undefined {
  if (before === undefined) return undefined;
  const now = said(job, stalled);
  const name = jobName(job, texts);
  if (now.status !== before.status) {
    const { status } = job;
    const ended = status === "completed" || status === "failed" || status === "cancelled";
    if (ended) return format.fill(texts[`announce.${status}`], { name });
  }
  if (now.stalled && !before.stalled) return format.fill(texts["announce.stalled"], { name });
  if (now.status !== before.status || now.stage !== before.stage) {
    return format.fill(texts["announce.stage"], { name, stage: stageText(job, texts) });
  }
  if (now.quarter > before.quarter && now.quarter < 4) {
    const percent = format.percent(now.quarter * 25);
    return format.fill(texts["announce.percent"], { name, percent });
  }
  return undefined;
}
