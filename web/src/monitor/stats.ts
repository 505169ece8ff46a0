/**
 * What the monitor counts. Enters: the server's statistics, jobs, the time. Leaves: series by day,
 * rows by type, a rate. Pure.
 */
import type { Job, Stats } from "@milepost/client";

type Finished = Stats["finished"][number];

export interface ByDay {
  /** ISO dates, each day of the period, the last one today. */
  readonly days: readonly string[];
  readonly completed: readonly number[];
  readonly failed: readonly number[];
  readonly cancelled: readonly number[];
  /** Seconds; `null` for a day on which nothing was completed. */
  readonly duration: readonly (number | null)[];
}

const DAY = 86_400_000;

/** The first moment of a period of so many days that ends today, in UTC as the server counts. */
export function periodStart(days: number, now: number): string {
  return new Date(Math.floor(now / DAY) * DAY - (days - 1) * DAY).toISOString();
}

/** The mean over several rows, each weighted by its jobs. */
function meanOf(rows: readonly Finished[]): number | null {
  let jobs = 0;
  let seconds = 0;
  for (const row of rows) {
    if (typeof row.mean_seconds !== "number") continue;
    jobs += row.jobs;
    seconds += row.jobs * row.mean_seconds;
  }
  return jobs === 0 ? null : seconds / jobs;
}

const sumOf = (rows: readonly Finished[], status: string): number =>
  rows.reduce((sum, row) => sum + (row.status === status ? row.jobs : 0), 0);

const isCompleted = ({ status }: Finished): boolean => status === "completed";

/** Counts by day, days without jobs included. */
export function byDay(finished: readonly Finished[], days: number, now: number): ByDay {
  const start = Date.parse(periodStart(days, now));
  const names = Array.from({ length: days }, (_, day) =>
    new Date(start + day * DAY).toISOString().slice(0, 10),
  );
  const rows = names.map((name) => finished.filter(({ day }) => day === name));
  return {
    days: names,
    completed: rows.map((day) => sumOf(day, "completed")),
    failed: rows.map((day) => sumOf(day, "failed")),
    cancelled: rows.map((day) => sumOf(day, "cancelled")),
    duration: rows.map((day) => meanOf(day.filter(isCompleted))),
  };
}

export interface TypeRow {
  readonly type: string;
  readonly pipeline: string;
  readonly jobs: number;
  readonly completed: number;
  readonly failed: number;
  readonly seconds: number | null;
}

/** One row for each kind of document and pipeline, the most frequent first. */
export function byType(finished: readonly Finished[]): TypeRow[] {
  const groups = new Map<string, Finished[]>();
  for (const row of finished) {
    const key = `${row.media_type ?? ""}\n${row.pipeline}`;
    groups.set(key, [...(groups.get(key) ?? []), row]);
  }
  const rows = [...groups.values()].map((group) => ({
    type: group[0]?.media_type ?? "–",
    pipeline: group[0]?.pipeline ?? "",
    jobs: group.reduce((sum, { jobs }) => sum + jobs, 0),
    completed: sumOf(group, "completed"),
    failed: sumOf(group, "failed"),
    seconds: meanOf(group.filter(isCompleted)),
  }));
  return rows.sort((one, other) => other.jobs - one.jobs);
}

/** The share of completed jobs among those that completed or failed; `null` without any. */
export function successOf({
  completed,
  failed,
}: Pick<TypeRow, "completed" | "failed">): number | null {
  return completed + failed === 0 ? null : completed / (completed + failed);
}

/**
 * Jobs that wait to be begun: the user's, and all of the converters' queue where that is longer.
 * Those whose work is done elsewhere wait, too, and stand in no queue of the server's.
 */
export const waitingOf = (jobs: Stats["jobs"], queue: Stats["queue"]): number =>
  Math.max(jobs.queued ?? 0, queue.depth);

const WINDOW = 5 * 60_000;

/**
 * Jobs that were completed or failed in a minute, over the last five: what was cancelled was not
 * worked through. The list is the newest jobs only: where all of them ended within less, the rate
 * is that of the time which they cover.
 */
export function perMinute(jobs: readonly Job[], whole: boolean, now: number): number {
  const recent = jobs.filter(({ finished_at }) => {
    return finished_at != null && now - Date.parse(finished_at) < WINDOW;
  });
  const worked = recent.filter(({ status }) => status !== "cancelled");
  if (worked.length === 0) return 0;
  const ends = recent.map(({ finished_at }) => Date.parse(finished_at ?? ""));
  const ended = jobs.filter(({ finished_at }) => finished_at != null).length;
  const covered = !whole && recent.length === ended ? now - Math.min(...ends) : WINDOW;
  return worked.length / (Math.max(covered, 1000) / 60_000);
}
