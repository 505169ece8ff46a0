"use client";
/**
 * How far a job is.
 *
 * Enters: a job, or its id. Leaves: a bar, the stage, a counter, the time left, agents, silence and
 * errors. Never: an order to the job.
 */

import type { Job } from "@milepost/client";
import type { ReactNode } from "react";
import { classes } from "../classes.js";
import { faultText } from "../fault.js";
import { useJob } from "../hooks/use-job.js";
import { detailTexts, isStalled, jobName } from "../job-view.js";
import { useFormat, useTexts } from "../provider.js";
import { Agents } from "./agents.js";
import { Announcer } from "./announcer.js";
import { Bar } from "./bar.js";

interface Look {
  /** Only the bar and its percentage, and no live region: for tables. */
  compact?: boolean | undefined;
  /** The name above the bar. `true` by default; the bar has it as its label in any case. */
  showName?: boolean | undefined;
  /** Has no live region, because something else on the page speaks. */
  silent?: boolean | undefined;
  className?: string | undefined;
  /** Shown behind everything else, such as buttons. */
  children?: ReactNode;
}

/** Props of `JobProgress`: either a job's id, which is watched, or a job as it is. */
export type JobProgressProps = Look &
  (
    | { jobId: string; job?: undefined; stalled?: undefined }
    | { job: Job; jobId?: undefined /** Nothing is heard of it. */; stalled?: boolean | undefined }
  );

/** A job's progress. */
export function JobProgress({ jobId, job, stalled, ...look }: JobProgressProps): ReactNode {
  if (jobId !== undefined) return <Watched key={jobId} jobId={jobId} {...look} />;
  return <Shown job={job} stalled={stalled ?? false} {...look} />;
}

function Watched({ jobId, ...look }: Look & { jobId: string }): ReactNode {
  const texts = useTexts();
  const { job, error, stalled, removed } = useJob(jobId);
  if (removed) return <p className="mp-note">{texts["progress.removed"]}</p>;
  if (job !== undefined) return <Shown job={job} stalled={stalled} {...look} />;
  if (error !== undefined) {
    return (
      <p className="mp-error" role="alert">
        {faultText(error, texts)}
      </p>
    );
  }
  return (
    <p className="mp-note" aria-busy="true">
      {texts["progress.loading"]}
    </p>
  );
}

function Shown({
  job,
  stalled,
  compact = false,
  showName = true,
  silent = false,
  className,
  children,
}: Look & { job: Job; stalled: boolean }): ReactNode {
  const texts = useTexts();
  const format = useFormat();
  const name = jobName(job, texts);
  const percent = format.percent(job.progress);
  const details = detailTexts(job, texts, format);
  const still = isStalled(job, stalled);
  const text = still ? texts["progress.stalled"] : [percent, ...details].join(", ");
  return (
    <div
      className={classes("mp-progress", compact && "mp-progress-compact", className)}
      data-status={job.status}
    >
      {!compact && showName && <span className="mp-progress-name">{name}</span>}
      <Bar value={job.progress} label={name} text={text} stalled={still} />
      <span className="mp-progress-percent" aria-hidden="true">
        {percent}
      </span>
      {!compact && (
        <>
          <p className="mp-progress-detail">{details.join(" · ")}</p>
          {still && <p className="mp-progress-stall">{texts["progress.stalled"]}</p>}
          <Agents agents={job.agents} />
          {job.error != null && <p className="mp-error">{faultText(job.error, texts)}</p>}
          {!silent && <Announcer job={job} stalled={still} />}
        </>
      )}
      {children}
    </div>
  );
}
