/**
 * The order of a table.
 *
 * Enters: jobs, a column. Leaves: the jobs in that order. Never: loads more to sort these too.
 */

import type { Job } from "@milepost/client";

/** A column by which jobs can be sorted, and whether the largest comes first. */
export interface Order {
  readonly by: "name" | "status" | "pages" | "size" | "created";
  readonly down: boolean;
}

const STATUSES: readonly Job["status"][] = [
  "running",
  "queued",
  "awaiting",
  "failed",
  "cancelled",
  "completed",
];

const names = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });

const COMPARE: Readonly<Record<Order["by"], (a: Job, b: Job) => number>> = {
  name: (a, b) => names.compare(a.document?.filename ?? "", b.document?.filename ?? ""),
  status: (a, b) => STATUSES.indexOf(a.status) - STATUSES.indexOf(b.status),
  pages: (a, b) => (a.document?.pages ?? 0) - (b.document?.pages ?? 0),
  size: (a, b) => (a.document?.bytes ?? 0) - (b.document?.bytes ?? 0),
  created: (a, b) => Date.parse(a.created_at) - Date.parse(b.created_at),
};

/** The jobs in that order; equal ones stay as they came. */
export function sorted(jobs: readonly Job[], { by, down }: Order): readonly Job[] {
  const compare = COMPARE[by];
  return [...jobs].sort((a, b) => (down ? compare(b, a) : compare(a, b)));
}

/** The order when that column is chosen: the other way round where it is the present one. */
export function toggled(order: Order, by: Order["by"]): Order {
  if (order.by === by) return { by, down: !order.down };
  return { by, down: by === "created" || by === "pages" || by === "size" };
}
