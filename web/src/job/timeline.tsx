/** The stages of a job in order, each with what it counted and how long it took. */
import type { Job, Stage } from "@milepost/client";
import { formatDuration, formatNumber } from "../preferences/format";
import { useLocale } from "../preferences/preferences";
import { useTexts } from "../texts/texts";
import { Icon, type IconName } from "../ui/icons";

const ICONS: Record<string, IconName> = {
  completed: "check",
  failed: "alert",
  cancelled: "close",
  running: "activity",
};

/** Seconds that a stage took; `undefined` while it has not ended. */
export function secondsOf({ started_at, finished_at }: Stage): number | undefined {
  if (!started_at || !finished_at) return undefined;
  return Math.max(0, (Date.parse(finished_at) - Date.parse(started_at)) / 1000);
}

export function Timeline({ job }: { job: Job }) {
  const t = useTexts();
  return (
    <section className="card padded">
      <h2>{t.timeline}</h2>
      <ol className="timeline">
        {job.stages.map((stage) => (
          <StageRow key={stage.name} stage={stage} />
        ))}
      </ol>
      {job.attempt > 1 && <p className="small soft">{t.attempt(job.attempt)}</p>}
    </section>
  );
}

function StageRow({ stage }: { stage: Stage }) {
  const t = useTexts();
  const locale = useLocale();
  const { name, status, done, total } = stage;
  const seconds = secondsOf(stage);
  const icon = ICONS[status];
  // Some count towards an end that is known only when it is there.
  const soFar = done ? formatNumber(locale, done) : "";
  const count =
    typeof total === "number"
      ? t.ofUnits(formatNumber(locale, done ?? 0), formatNumber(locale, total))
      : soFar;
  return (
    <li className={`stage ${status}`} aria-current={status === "running" ? "step" : undefined}>
      <span className="stage-mark">{icon && <Icon name={icon} />}</span>
      <span className="grow">
        {t.stageNames[name] ?? name}
        <span className="visually-hidden">, {t.stageStatus[status] ?? status}</span>
      </span>
      {count !== "" && <span className="small soft numeric">{count}</span>}
      <span className="small soft numeric stage-time">
        {seconds === undefined ? "" : formatDuration(locale, seconds)}
      </span>
    </li>
  );
}
