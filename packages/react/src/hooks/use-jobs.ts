"use client";
/**
 * A list of jobs, live.
 *
 * Enters: which jobs. Leaves: those loaded so far, each in its newest state. Never: more pages than
 * were asked for.
 */

import type { JobsFilter, LiveJobs } from "@milepost/client";
import { useMemo } from "react";
import { useMilepost } from "../provider.js";
import { useReadable } from "./use-readable.js";

const LOADING: LiveJobs = Object.freeze({
  jobs: [],
  loading: true,
  error: undefined,
  hasMore: false,
  loadMore: () => Promise.resolve(),
  refresh: () => Promise.resolve(),
});

/** Which jobs `useJobs` lists. `live: false` lists them once and does not watch. */
export type LiveJobsFilter = JobsFilter & { live?: boolean };

/** Lists jobs, newest first, and keeps the list up to date while the component is mounted. */
export function useJobs(filter: LiveJobsFilter = {}): LiveJobs {
  const client = useMilepost();
  // A filter is mostly written in place: another object at each render, and the same filter.
  const key = JSON.stringify(filter);
  const readable = useMemo(() => client.liveJobs(JSON.parse(key) as LiveJobsFilter), [client, key]);
  return useReadable(readable, LOADING);
}
