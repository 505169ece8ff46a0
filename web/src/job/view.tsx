/** A job: what it is, how far it is, what came of it, and what can be done with it. */
import { isTerminal, type Job } from "@milepost/client";
import { JobProgress, useJob, useMilepost } from "@milepost/react";
import { Link } from "wouter";
import { StatusBadge } from "../list/status";
import { ResultView } from "../result/view";
import { useTexts } from "../texts/texts";
import { Icon } from "../ui/icons";
import { nameOf } from "../ui/names";
import { Empty, Failure, Skeleton } from "../ui/states";
import { useLoad } from "../ui/use-load";
import { useTitle } from "../ui/use-title";
import { JobActions } from "./actions";
import { EventLog } from "./event-log";
import { Facts } from "./facts";
import { JobFailure } from "./failure";
import { Timeline } from "./timeline";
import "../styles/job.css";

interface JobViewProps {
  readonly id: string;
  /** By a link: what only an owner may do is not there. */
  readonly shared?: boolean;
}

export default function JobView({ id, shared = false }: JobViewProps) {
  const t = useTexts();
  const client = useMilepost();
  const live = useJob(id);
  // Read beside the stream, and again at the end: without a connection it comes from the copies.
  const ended = live.job !== undefined && isTerminal(live.job.status);
  const read = useLoad(`${id} ${ended}`, (signal) => client.job(id, { signal }));
  const { stalled, removed } = live;
  const job = live.job ?? read.value;
  const error = live.error ?? (job ? undefined : read.error);
  const name = job ? nameOf(job, t) : t.untitled;
  useTitle(job && name);

  const dead = shared && (error?.status === 401 || error?.code === "unauthenticated");
  if (dead) return <Gone title={t.linkDead} hint={t.linkDeadHint} shared />;
  if (removed || error?.code === "not_found") {
    return <Gone title={t.jobGone} hint={removed ? t.deleted : t.jobGoneHint} shared={shared} />;
  }
  if (!job) {
    return (
      <div className="stack">
        <h1 className="visually-hidden">{t.result}</h1>
        {error ? <Failure error={error} /> : <Skeleton lines={6} />}
      </div>
    );
  }

  return (
    <article className="stack job" aria-label={name}>
      <header className="job-head">
        {shared ? (
          <p className="notice">{t.sharedView}</p>
        ) : (
          <Link href="/" className="back">
            <Icon name="back" />
            {t.back}
          </Link>
        )}
        <div className="job-title">
          <h1>{name}</h1>
          <StatusBadge status={job.status} />
          <JobActions job={job} shared={shared} />
        </div>
      </header>
      {error && <Failure error={error} />}
      <Progress job={job} stalled={stalled} shared={shared} />
      <div className="job-columns">
        <ResultView job={job} />
        <aside className="stack job-aside">
          <Timeline job={job} />
          <Facts job={job} shared={shared} />
          <EventLog job={job} />
        </aside>
      </div>
    </article>
  );
}

function Progress({ job, stalled, shared }: { job: Job; stalled: boolean; shared: boolean }) {
  const t = useTexts();
  if (job.status === "failed") return <JobFailure job={job} shared={shared} />;
  if (job.result?.reused_from) return <p className="notice">{t.reused}</p>;
  if (isTerminal(job.status)) return null;
  return (
    <section className="card padded">
      <JobProgress job={job} stalled={stalled} />
    </section>
  );
}

function Gone({ title, hint, shared }: { title: string; hint: string; shared: boolean }) {
  const t = useTexts();
  return (
    <Empty icon="search" title={title} whole>
      <p>{hint}</p>
      {!shared && (
        <Link className="button" href="/">
          {t.toDocuments}
        </Link>
      )}
    </Empty>
  );
}
