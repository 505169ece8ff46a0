/**
 * One job of the list. Enters: its newest snapshot. Leaves: what it is, how far it is, and what
 * can be done with it now. Drawn again only where its snapshot changed.
 */
import type { Job } from "@milepost/client";
import { isTerminal } from "@milepost/client";
import { JobProgress } from "@milepost/react";
import { memo } from "react";
import { Link } from "wouter";
import { formatAge, formatBytes, formatNumber, formatTime } from "../preferences/format";
import { useLocale } from "../preferences/preferences";
import { type Texts, useTexts } from "../texts/texts";
import { Icon } from "../ui/icons";
import { nameOf, reasonOf } from "../ui/names";
import { useNow } from "../ui/use-now";
import { type Orders, takes } from "./orders";
import { StatusBadge } from "./status";

interface JobRowProps {
  readonly job: Job;
  readonly selected: boolean;
  readonly onSelect: (id: string, selected: boolean) => void;
  readonly orders: Orders;
}

export const JobRow = memo(function JobRow({ job, selected, onSelect, orders }: JobRowProps) {
  const t = useTexts();
  const locale = useLocale();
  const now = useNow();
  const name = nameOf(job, t);
  return (
    <>
      <td className="cell select">
        <input
          type="checkbox"
          checked={selected}
          aria-label={t.selectNamed(name)}
          onChange={({ target }) => onSelect(job.id, target.checked)}
        />
      </td>
      <td className="cell name">
        <Link href={`/app/jobs/${job.id}`} className="job-link" data-row-link="">
          {name}
        </Link>
        <div className="small soft one-line">
          {job.error ? reasonOf(job.error, t) : factsOf(job, t, locale)}
        </div>
      </td>
      <td className="cell status">
        {isTerminal(job.status) || job.status === "awaiting" ? (
          <StatusBadge status={job.status} />
        ) : (
          <JobProgress job={job} compact />
        )}
      </td>
      <td className="cell size numeric">
        {job.document ? formatBytes(locale, job.document.bytes) : "–"}
      </td>
      <td className="cell created">
        <time dateTime={job.created_at} title={formatTime(locale, job.created_at)}>
          {formatAge(locale, job.created_at, now)}
        </time>
      </td>
      <td className="cell actions">
        {takes("confirm", job) && (
          <button
            type="button"
            className="button quiet icon"
            title={t.confirm}
            onClick={() => void orders.give("confirm", [job])}
          >
            <Icon name="check" />
            <span className="visually-hidden">{t.confirmNamed(name)}</span>
          </button>
        )}
        {takes("cancel", job) && (
          <button
            type="button"
            className="button quiet icon"
            title={t.cancel}
            onClick={() => void orders.give("cancel", [job])}
          >
            <Icon name="close" />
            <span className="visually-hidden">{t.cancelNamed(name)}</span>
          </button>
        )}
        {takes("retry", job) && (
          <button
            type="button"
            className="button quiet icon"
            title={t.retry}
            onClick={() => void orders.give("retry", [job])}
          >
            <Icon name="retry" />
            <span className="visually-hidden">{t.retryNamed(name)}</span>
          </button>
        )}
      </td>
    </>
  );
});

/** What a running job does now, and how many pages there are; of a waiting one its place. */
function factsOf(job: Job, t: Texts, locale: string): string {
  const { document, pipeline, queue, stage, stages, status } = job;
  const facts: string[] = [];
  if (status === "running" && stage) {
    facts.push(t.stageNames[stage] ?? stage);
    const { done, total } = stages.find(({ name }) => name === stage) ?? {};
    if (typeof total === "number") {
      facts.push(t.ofUnits(formatNumber(locale, done ?? 0), formatNumber(locale, total)));
    }
  } else if (status === "queued" && queue) {
    facts.push(t.queuePlace(formatNumber(locale, queue.position)));
  } else if (document?.pages) {
    facts.push(t.pageCount(document.pages));
  }
  return [...facts, t.pipelines[pipeline] ?? pipeline].join(" · ");
}
