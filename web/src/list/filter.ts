/**
 * What of the list is shown, as it stands in the address, so that back, reload and a copied
 * address keep it. Enters: the query. Leaves: the filter of a request. Pure.
 */
import type { JobsFilter, Status } from "@milepost/client";

export const STATUS_FILTERS = ["all", "underway", "completed", "failed", "cancelled"] as const;
export type StatusFilter = (typeof STATUS_FILTERS)[number];

export interface ListFilter {
  readonly status: StatusFilter;
  readonly pipeline: string;
  readonly q: string;
  readonly batch: string;
}

export const UNDER_WAY: readonly Status[] = ["awaiting", "queued", "running"];

/** Reads the query; what it does not know counts as not set. */
export function filterOf(query: URLSearchParams): ListFilter {
  const status = STATUS_FILTERS.find((known) => known === query.get("status")) ?? "all";
  const text = (name: string): string => query.get(name) ?? "";
  return { status, pipeline: text("pipeline"), q: text("q"), batch: text("batch") };
}

/** Writes the query: only what is set. */
export function queryOf(filter: ListFilter): URLSearchParams {
  const set = Object.entries(filter).filter(([, value]) => value !== "" && value !== "all");
  return new URLSearchParams(set);
}

/** The filter of the request. */
export function requestOf({ status, pipeline, q, batch }: ListFilter): JobsFilter {
  return {
    limit: 200,
    ...(status === "underway" ? { status: UNDER_WAY } : {}),
    ...(status === "all" || status === "underway" ? {} : { status }),
    ...(pipeline && { pipeline }),
    ...(q.trim() && { q: q.trim() }),
    ...(batch && { batch }),
  };
}
