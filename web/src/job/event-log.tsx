/**
 * The log of a job, read when it is opened, and again when the job has changed. Enters: the job.
 * Never reads more than was asked for: long jobs have an event for each page.
 */
import type { Job, JobEvent, MilepostError } from "@milepost/client";
import { useMilepost } from "@milepost/react";
import { useEffect, useState } from "react";
import { useLocale } from "../preferences/preferences";
import { useTexts } from "../texts/texts";
import { Failure } from "../ui/states";

const LIMIT = 100;

export function EventLog({ job }: { job: Job }) {
  const t = useTexts();
  const [open, setOpen] = useState(false);
  return (
    <details className="card padded" onToggle={({ currentTarget }) => setOpen(currentTarget.open)}>
      <summary className="card-summary">
        <h2>{t.eventLog}</h2>
      </summary>
      {open && <Events job={job} />}
    </details>
  );
}

function Events({ job }: { job: Job }) {
  const t = useTexts();
  const client = useMilepost();
  const [events, setEvents] = useState<readonly JobEvent[]>([]);
  const [error, setError] = useState<MilepostError>();
  const [wanted, setWanted] = useState(LIMIT);
  const last = events.at(-1)?.seq ?? 0;
  const behind = last < job.seq && events.length < wanted;

  useEffect(() => {
    if (!behind) return;
    let gone = false;
    client.events(job.id, { after: last, limit: LIMIT }).then(
      ({ items }) => {
        if (gone) return;
        setError(undefined);
        setEvents((before) => [...before, ...items.filter(({ seq }) => seq > last)]);
      },
      (caught: MilepostError) => gone || setError(caught),
    );
    return () => {
      gone = true;
    };
  }, [client, job.id, last, behind]);

  return (
    <>
      {error && <Failure error={error} />}
      <ol className="events">
        {events.map((event) => (
          <EventRow key={event.seq} event={event} />
        ))}
      </ol>
      {last < job.seq && !behind && (
        <button
          type="button"
          className="button small"
          onClick={() => setWanted((before) => before + LIMIT)}
        >
          {t.moreEvents}
        </button>
      )}
    </>
  );
}

function EventRow({ event }: { event: JobEvent }) {
  const t = useTexts();
  const locale = useLocale();
  const time = new Intl.DateTimeFormat(locale, { timeStyle: "medium" }).format(new Date(event.at));
  return (
    <li>
      <time className="small soft numeric" dateTime={event.at}>
        {time}
      </time>
      <span>{t.eventNames[event.type] ?? event.type}</span>
      <span className="small soft numeric">{detailOf(event, t.stageNames)}</span>
    </li>
  );
}

/** The one thing of an event that its name does not say. */
export function detailOf(
  event: Readonly<Record<string, unknown>>,
  stages: Readonly<Record<string, string>>,
): string {
  const { type, page, stage, done, total } = event;
  if (type === "page") return String(page);
  if (type === "stage" && typeof stage === "string") return stages[stage] ?? stage;
  if (type === "advanced" && typeof done === "number") {
    return typeof total === "number" ? `${done}/${total}` : String(done);
  }
  return "";
}
