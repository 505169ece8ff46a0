"use client";
/**
 * A job's document: its pages as they are finished, then the whole result.
 *
 * Enters: a job's id. Leaves: progress, pages, formats. Never: runs or renders what a document says
 * as more than text; `renderMarkdown` is the page's own, and has to sanitise.
 */

import { isTerminal, type Job } from "@milepost/client";
import { type ReactNode, useEffect, useId, useRef, useState } from "react";
import { classes } from "../classes.js";
import { faultText } from "../fault.js";
import { useJob } from "../hooks/use-job.js";
import { isStalled, jobName, named } from "../job-view.js";
import { useFormat, useTexts } from "../provider.js";
import { Announcer } from "./announcer.js";
import { JobProgress } from "./job-progress.js";
import { Pages } from "./pages.js";
import { Result } from "./result.js";
import { type Tab, Tabs } from "./tabs.js";
import { useOrders } from "./use-orders.js";

/** Props of `DocumentViewer`. */
export interface DocumentViewerProps {
  jobId: string;
  /** Renders Markdown; it must not trust it. Without it, Markdown is shown as text. */
  renderMarkdown?: ((markdown: string) => ReactNode) | undefined;
  /** Called when the viewer is to be closed. Without it there is no such button. */
  onClose?: (() => void) | undefined;
  className?: string | undefined;
}

/** Shows a document; opens its result by itself when the job completes. */
export function DocumentViewer(props: DocumentViewerProps): ReactNode {
  return <Viewer key={props.jobId} {...props} />;
}

function Viewer({ jobId, renderMarkdown, onClose, className }: DocumentViewerProps): ReactNode {
  const texts = useTexts();
  const format = useFormat();
  const id = useId();
  const { job, error, stalled, removed, retry } = useJob(jobId);
  const orders = useOrders();
  const tabs = tabsOf(job);
  const [chosen, choose] = useTab(job);
  const tab = tabs.includes(chosen) ? chosen : tabs[0];
  const name = jobName(job, texts);

  return (
    <section
      className={classes("mp-viewer", className)}
      aria-label={format.fill(texts["viewer.label"], { name })}
    >
      <header className="mp-viewer-head">
        <h2 className="mp-viewer-name">{name}</h2>
        {onClose !== undefined && (
          <button
            type="button"
            className="mp-button"
            aria-label={named(texts["action.close"], name, texts, format)}
            onClick={onClose}
          >
            {texts["action.close"]}
          </button>
        )}
      </header>
      <Announcer job={job} stalled={job !== undefined && isStalled(job, stalled)} />
      {removed && <p className="mp-note">{texts["progress.removed"]}</p>}
      {!removed && job === undefined && error === undefined && (
        <p className="mp-note" aria-busy="true">
          {texts["progress.loading"]}
        </p>
      )}
      {job !== undefined && job.status !== "completed" && (
        <JobProgress job={job} stalled={stalled} showName={false} silent />
      )}
      {job !== undefined && canRetry(job) && (
        <button
          type="button"
          className="mp-button"
          aria-label={named(texts["action.retry"], name, texts, format)}
          disabled={orders.busy}
          onClick={() => orders.run(retry)}
        >
          {texts["action.retry"]}
        </button>
      )}
      {job?.status === "failed" && !canRetry(job) && (
        <p className="mp-note">{texts["viewer.final"]}</p>
      )}
      {[error, orders.error].map(
        (fault, place) =>
          fault !== undefined && (
            <p key={String(place)} className="mp-error" role="alert">
              {faultText(fault, texts)}
            </p>
          ),
      )}
      {job !== undefined && !removed && tab !== undefined && (
        <>
          <Tabs id={id} tabs={tabs} selected={tab} onSelect={choose} />
          <div
            className="mp-viewer-panel"
            role="tabpanel"
            id={`${id}-panel`}
            aria-labelledby={`${id}-${tab}`}
          >
            {tab === "pages" ? (
              <Pages job={job} renderMarkdown={renderMarkdown} />
            ) : (
              <Result job={job} format={tab} renderMarkdown={renderMarkdown} />
            )}
          </div>
        </>
      )}
    </section>
  );
}

/** Whether another attempt may end otherwise. */
function canRetry(job: Job): boolean {
  return job.status === "cancelled" || (job.status === "failed" && job.error?.retryable === true);
}

const FORMATS: readonly string[] = ["markdown", "json", "html", "text", "chunks"];

/** What of the job can be looked at now. */
function tabsOf(job: Job | undefined): readonly Tab[] {
  if (job === undefined) return [];
  const kept = FORMATS.filter((format) => job.result?.formats.includes(format)) as Tab[];
  return job.pipeline === "convert" ? ["pages", ...kept] : kept;
}

/** The tab that was chosen. At the end of a job that was seen running, its result. */
function useTab(job: Job | undefined): [Tab, (tab: Tab) => void] {
  const [tab, setTab] = useState<Tab | undefined>(undefined);
  const status = job?.status;
  const before = useRef(status);
  useEffect(() => {
    const ran = before.current !== undefined && !isTerminal(before.current);
    before.current = status;
    if (ran && status === "completed") setTab(undefined);
  }, [status]);
  const first =
    job?.status === "completed" ? tabsOf(job).find((each) => each !== "pages") : "pages";
  return [tab ?? first ?? "pages", setTab];
}
