/**
 * The jobs that put documents into a collection, each with its stages, live. Enters: the
 * collection's name. Leaves: them, and a word whenever something has become visible. One that failed
 * stays until it is dismissed, however quickly it failed; one that is done is among the documents.
 */
import { isTerminal, type Job } from "@milepost/client";
import { JobProgress, useJobs } from "@milepost/react";
import { useEffect, useMemo, useRef, useState } from "react";
import { Link } from "wouter";
import { AgainDialog } from "../job/again-dialog";
import { needsPassword, takes, useOrders } from "../list/orders";
import { formatNumber } from "../preferences/format";
import { useLocale } from "../preferences/preferences";
import { useTexts } from "../texts/texts";
import { Icon } from "../ui/icons";
import { nameOf } from "../ui/names";
import { comingOf, dismiss, useDismissed } from "./dismissed";

/** ms between two looks at a collection into which much comes. */
const PACE = 1000;

interface ComingJobs {
  readonly coming: readonly Job[];
  /** Whether anything came while one was here: then there is a collection, or will be. */
  readonly some: boolean;
}

export function useComing(name: string, changed: () => void): ComingJobs {
  const { jobs, loading } = useJobs({ collection: name, limit: 50 });
  // Among the newest of all, a failed one may stand behind many that are done.
  const { jobs: failed } = useJobs({ collection: name, status: "failed", limit: 50 });
  const dismissed = useDismissed();
  const seen = useRef(new Set<string>());
  for (const { id, status } of jobs) if (!isTerminal(status)) seen.current.add(id);

  // What was there at first is in the first answer already.
  const mark = jobs.map(({ id, status, documents }) => `${id} ${status} ${documents.done}`).join();
  const last = useRef<string>(undefined);
  const due = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => {
    if (loading && last.current === undefined) return;
    const before = last.current;
    last.current = mark;
    if (before === undefined || before === mark || due.current !== undefined) return;
    due.current = setTimeout(() => {
      due.current = undefined;
      changed();
    }, PACE);
  }, [loading, mark, changed]);
  useEffect(
    () => () => {
      clearTimeout(due.current);
      due.current = undefined;
    },
    [],
  );

  const coming = useMemo(() => comingOf(jobs, failed, dismissed), [jobs, failed, dismissed]);
  return { coming, some: seen.current.size > 0 || coming.length > 0 };
}

export function Coming({ jobs }: { jobs: readonly Job[] }) {
  const t = useTexts();
  if (jobs.length === 0) return null;
  const failed = jobs.filter(({ status }) => status === "failed");
  return (
    <section className="card" aria-label={t.indexedNow}>
      <ul>
        {jobs.map((job) => (
          <ComingRow key={job.id} job={job} />
        ))}
      </ul>
      {failed.length > 1 && (
        <div className="coming-row">
          <button type="button" className="button" onClick={() => dismiss(failed)}>
            <Icon name="close" />
            {t.dismissAll}
          </button>
        </div>
      )}
    </section>
  );
}

function ComingRow({ job }: { job: Job }) {
  const t = useTexts();
  const locale = useLocale();
  const orders = useOrders();
  const [unlocking, setUnlocking] = useState(false);
  const locked = needsPassword(job);
  const name = nameOf(job, t);
  const { done, total } = job.documents;
  const number = (value: number): string => formatNumber(locale, value);
  return (
    <li className="coming-row">
      <div className="grow stack tight">
        <Link href={`/app/jobs/${job.id}`} className="job-link">
          {name}
        </Link>
        <JobProgress job={job} showName={false} />
        {total > 1 && (
          <p className="small soft numeric">{t.documentsDone(number(done), number(total))}</p>
        )}
        {job.error && <p className="small">{t.whatToDo[job.error.code]}</p>}
        <StageLine job={job} />
      </div>
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
      {locked && (
        <button type="button" className="button small" onClick={() => setUnlocking(true)}>
          <Icon name="key" />
          <span aria-hidden="true">{t.convertAgain}</span>
          <span className="visually-hidden">{t.againNamed(name)}</span>
        </button>
      )}
      {takes("retry", job) && !locked && (
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
      {job.status === "failed" && (
        <button
          type="button"
          className="button quiet icon"
          title={t.dismiss}
          onClick={() => dismiss([job])}
        >
          <Icon name="close" />
          <span className="visually-hidden">{t.dismissNamed(name)}</span>
        </button>
      )}
      {locked && (
        <AgainDialog
          job={job}
          open={unlocking}
          onClose={() => setUnlocking(false)}
          onStarted={() => dismiss([job])}
        />
      )}
    </li>
  );
}

/** All stages in one line: which are done, which is under way, which are to come. */
function StageLine({ job }: { job: Job }) {
  const t = useTexts();
  return (
    <ol className="stage-line small" aria-label={t.timeline}>
      {job.stages.map(({ name, status }) => (
        <li key={name} className={status} aria-current={status === "running" ? "step" : undefined}>
          {status === "completed" && <Icon name="check" />}
          {t.stageNames[name] ?? name}
          <span className="visually-hidden">, {t.stageStatus[status] ?? status}</span>
        </li>
      ))}
    </ol>
  );
}
