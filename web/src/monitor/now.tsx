/** What is under way now, and the batches of late, live. */
import type { Job } from "@milepost/client";
import { JobProgress, useJobs, useMilepost } from "@milepost/react";
import { Link } from "wouter";
import { UNDER_WAY } from "../list/filter";
import { useOrders } from "../list/orders";
import { formatNumber } from "../preferences/format";
import { useLocale } from "../preferences/preferences";
import { useTexts } from "../texts/texts";
import { Icon } from "../ui/icons";
import { useLoad } from "../ui/use-load";
import { batchesOf } from "./stats";

/** Rows that are shown; the list of documents has all. */
const MOST = 12;

export function Now() {
  const t = useTexts();
  const { jobs } = useJobs({ status: UNDER_WAY, limit: 200 });
  const more = jobs.length - MOST;
  return (
    <section className="card padded">
      <h2>{t.liveJobs}</h2>
      {jobs.length === 0 && <p className="soft quiet-line">{t.nothingRunning}</p>}
      <ul className="now">
        {jobs.slice(0, MOST).map((job) => (
          <NowRow key={job.id} job={job} />
        ))}
      </ul>
      {more > 0 && (
        <Link className="small" href="/?status=underway">
          {t.others(more)}
        </Link>
      )}
    </section>
  );
}

function NowRow({ job }: { job: Job }) {
  const t = useTexts();
  const orders = useOrders();
  const name = job.document?.filename ?? t.untitled;
  return (
    <li>
      <Link className="job-link" href={`/app/jobs/${job.id}`}>
        {name}
      </Link>
      <JobProgress job={job} compact />
      <button
        type="button"
        className="button quiet icon"
        onClick={() => void orders.give("cancel", [job])}
      >
        <Icon name="close" />
        <span className="visually-hidden">{t.cancelNamed(name)}</span>
      </button>
    </li>
  );
}

export function Batches({ jobs }: { jobs: readonly Job[] }) {
  const t = useTexts();
  const batches = [...batchesOf(jobs)].slice(0, MOST);
  return (
    <section className="card padded">
      <h2>{t.batches}</h2>
      {batches.length === 0 && <p className="soft quiet-line">{t.noBatches}</p>}
      <ul className="now">
        {batches.map(([id, ended]) => (
          <BatchRow key={id} id={id} ended={ended} />
        ))}
      </ul>
    </section>
  );
}

/** `ended` tells when to ask again: a batch is nothing but its jobs, and these are watched. */
function BatchRow({ id, ended }: { id: string; ended: number }) {
  const t = useTexts();
  const locale = useLocale();
  const client = useMilepost();
  const { value: batch } = useLoad(`${id} ${ended}`, () => client.batches.get(id));
  const { completed = 0, failed = 0, cancelled = 0 } = batch?.by_status ?? {};
  const name = t.batchNamed(id.slice(-6));
  return (
    <li>
      <Link className="job-link" href={`/?batch=${id}`}>
        {name}
      </Link>
      <progress className="bar" max={100} value={batch?.progress ?? 0} aria-label={name} />
      <span className="small soft numeric">
        {batch &&
          t.batchSummary(
            formatNumber(locale, completed + failed + cancelled),
            formatNumber(locale, batch.total),
          )}
      </span>
    </li>
  );
}
