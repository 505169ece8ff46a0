/** What is under way now, and the batches of late, live. */
import { type Batch, isTerminal, type Job } from "@milepost/client";
import { JobProgress, useJobs, useMilepost } from "@milepost/react";
import { useEffect } from "react";
import { Link } from "wouter";
import { UNDER_WAY } from "../list/filter";
import { useOrders } from "../list/orders";
import { formatNumber } from "../preferences/format";
import { useLocale } from "../preferences/preferences";
import { useTexts } from "../texts/texts";
import { Icon } from "../ui/icons";
import { nameOf } from "../ui/names";
import { Failure } from "../ui/states";
import { useLoad } from "../ui/use-load";

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
  const name = nameOf(job, t);
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

/** ms between two readings of the batches while some of their jobs are under way. */
const EVERY = 2000;

export function Batches({ jobs }: { jobs: readonly Job[] }) {
  const t = useTexts();
  const client = useMilepost();
  const { value, error, reload } = useLoad("batches", (signal) =>
    client.batches.list({ limit: MOST, signal }),
  );
  const busy = jobs.some(({ batch, status }) => batch && !isTerminal(status));
  // Read at the end, too: then nothing is under way any more.
  useEffect(() => {
    reload();
    if (!busy) return;
    const timer = setInterval(reload, EVERY);
    return () => clearInterval(timer);
  }, [busy, reload]);

  return (
    <section className="card padded">
      <h2>{t.batches}</h2>
      {error && <Failure error={error} onRetry={reload} />}
      {value?.items.length === 0 && <p className="soft quiet-line">{t.noBatches}</p>}
      <ul className="now">
        {value?.items.map((batch) => (
          <BatchRow key={batch.id} batch={batch} />
        ))}
      </ul>
    </section>
  );
}

function BatchRow({ batch: { id, total, progress, by_status } }: { batch: Batch }) {
  const t = useTexts();
  const locale = useLocale();
  const { completed = 0, failed = 0, cancelled = 0 } = by_status;
  const name = t.batchNamed(id.slice(-6));
  return (
    <li>
      <Link className="job-link" href={`/?batch=${id}`}>
        {name}
      </Link>
      <progress className="bar" max={100} value={progress} aria-label={name} />
      <span className="small soft numeric">
        {t.batchSummary(
          formatNumber(locale, completed + failed + cancelled),
          formatNumber(locale, total),
        )}
      </span>
    </li>
  );
}
