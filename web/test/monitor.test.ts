/** What the monitor counts. */
import type { Job, Stats } from "@milepost/client";
import { expect, test } from "vitest";
import { byDay, byType, periodStart, perMinute, successOf, waitingOf } from "../src/monitor/stats";

const NOW = Date.parse("2026-11-27T15:00:00Z");

const row = (
  day: string,
  status: string,
  jobs: number,
  seconds: number | null,
  type = "application/pdf",
): Stats["finished"][number] =>
  ({
    day,
    pipeline: "convert",
    media_type: type,
    status,
    jobs,
    bytes: 0,
    pages: 0,
    mean_seconds: seconds,
  }) as Stats["finished"][number];

test("a period ends today and has each of its days", () => {
  expect(periodStart(7, NOW)).toBe("2026-11-21T00:00:00.000Z");
  const days = byDay([row("2026-11-25", "completed", 2, 1)], 7, NOW);
  expect(days.days).toHaveLength(7);
  expect(days.days.at(-1)).toBe("2026-11-27");
  expect(days.completed).toEqual([0, 0, 0, 0, 2, 0, 0]);
});

test("means are weighted by jobs, and those of failures left out", () => {
  const { duration, failed } = byDay(
    [
      row("2026-11-27", "completed", 3, 1),
      row("2026-11-27", "completed", 1, 5, "text/html"),
      row("2026-11-27", "failed", 9, 100),
    ],
    1,
    NOW,
  );
  expect(duration).toEqual([2]);
  expect(failed).toEqual([9]);
});

test("kinds are grouped over days, the most frequent first", () => {
  const rows = byType([
    row("2026-11-26", "completed", 1, 2),
    row("2026-11-27", "failed", 1, null),
    row("2026-11-27", "completed", 7, 1, "text/html"),
  ]);
  expect(rows.map(({ type, jobs }) => [type, jobs])).toEqual([
    ["text/html", 7],
    ["application/pdf", 2],
  ]);
  expect(rows.map(successOf)).toEqual([1, 0.5]);
  expect(successOf({ completed: 0, failed: 0 })).toBeNull();
});

const ended = (ago: number): Job => ({ finished_at: new Date(NOW - ago).toISOString() }) as Job;

test("the rate is that of the last five minutes", () => {
  expect(perMinute([], true, NOW)).toBe(0);
  expect(perMinute([ended(1000), ended(2000), ended(600_000)], true, NOW)).toBeCloseTo(0.4);
});

test("where all that is known ended within less, the rate is that of that time", () => {
  const busy = Array.from({ length: 200 }, (_, index) => ended(300 * index));
  expect(perMinute(busy, false, NOW)).toBeCloseTo(201, 0);
});

test("what was cancelled is no throughput", () => {
  const cancelled = Array.from({ length: 100 }, () => ({ ...ended(1000), status: "cancelled" }));
  expect(perMinute(cancelled as Job[], true, NOW)).toBe(0);
  expect(perMinute([...(cancelled as Job[]), ended(2000)], true, NOW)).toBeCloseTo(0.2);
});

test("jobs whose work is done elsewhere wait too, though in no queue", () => {
  expect(waitingOf({ queued: 3000, completed: 1 }, { depth: 0, limit: 10_000 })).toBe(3000);
  expect(waitingOf({}, { depth: 7, limit: 10_000 })).toBe(7);
});
