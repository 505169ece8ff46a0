/** The monitor: the server at a glance, what is under way, what came of the jobs by day. */
import { useJobs, useStats } from "@milepost/react";
import { useMemo, useState } from "react";
import { formatDuration, formatNumber } from "../preferences/format";
import { useLocale } from "../preferences/preferences";
import { ConnectionFacts } from "../settings/connection-facts";
import { useTexts } from "../texts/texts";
import { Failure, Skeleton } from "../ui/states";
import { useNow } from "../ui/use-now";
import { useTitle } from "../ui/use-title";
import { Chart } from "./chart";
import { Batches, Now } from "./now";
import { byDay, periodStart, perMinute } from "./stats";
import { Tiles } from "./tiles";
import { TypesTable } from "./types-table";
import "../styles/result.css";
import "../styles/monitor.css";

const PERIODS = [7, 30, 90] as const;

export default function MonitorPage() {
  const t = useTexts();
  const now = useNow();
  const [days, setDays] = useState<number>(30);
  const since = periodStart(days, now);
  const { stats, error } = useStats({ since });
  const { jobs, hasMore } = useJobs({ limit: 200 });
  useTitle(t.monitor);

  return (
    <div className="stack">
      <div className="row">
        <h1 className="grow">{t.monitor}</h1>
        <fieldset className="segments">
          <legend className="visually-hidden">{t.range}</legend>
          {PERIODS.map((period) => (
            <label key={period} className={period === days ? "segment on" : "segment"}>
              <input
                type="radio"
                name="period"
                className="visually-hidden"
                checked={period === days}
                onChange={() => setDays(period)}
              />
              {t.days(period)}
            </label>
          ))}
        </fieldset>
      </div>
      {error && <Failure error={error} />}
      {!stats && !error && <Skeleton lines={4} tall />}
      {stats && <Tiles stats={stats} rate={perMinute(jobs, !hasMore, now)} days={days} />}
      <div className="halves">
        <Now />
        <Batches jobs={jobs} />
      </div>
      {stats && <Days finished={stats.finished} days={days} since={since} />}
      {stats && <TypesTable finished={stats.finished} />}
      <section className="card padded">
        <h2>{t.connection}</h2>
        <ConnectionFacts />
      </section>
    </div>
  );
}

interface DaysProps {
  readonly finished: Parameters<typeof byDay>[0];
  readonly days: number;
  readonly since: string;
}

function Days({ finished, days, since }: DaysProps) {
  const t = useTexts();
  const locale = useLocale();
  const counts = useMemo(
    () => byDay(finished, days, Date.parse(since) + (days - 1) * 86_400_000),
    [finished, days, since],
  );
  const jobs = useMemo(
    () => [
      { name: t.filters.completed, color: "--good", values: counts.completed },
      { name: t.filters.failed, color: "--bad", values: counts.failed },
      { name: t.filters.cancelled, color: "--line-strong", values: counts.cancelled },
    ],
    [counts, t],
  );
  const duration = useMemo(
    () => [{ name: t.meanDuration, color: "--accent", values: counts.duration }],
    [counts, t],
  );
  return (
    <div className="halves">
      <Chart
        title={t.jobsByDay}
        days={counts.days}
        series={jobs}
        kind="stacked"
        format={(value) => (Number.isInteger(value) ? formatNumber(locale, value) : "")}
      />
      <Chart
        title={t.durationByDay}
        days={counts.days}
        series={duration}
        kind="line"
        format={(value) => formatDuration(locale, value)}
      />
    </div>
  );
}
