"use client";
/**
 * The finished pages of a job.
 *
 * Enters: its newest snapshot. Leaves: the list, longer with each page. Never: a look at a job that
 * did not change.
 */

import type { Job } from "@milepost/client";
import { useEffect, useMemo } from "react";
import { PageList, type PageListState } from "../page-list.js";
import { useMilepost } from "../provider.js";
import { useReadable } from "./use-readable.js";

const NONE: PageListState = Object.freeze({ pages: [], error: undefined });

/** Keeps the list of a job's pages up to date while the component is mounted. */
export function usePages(job: Job): PageListState {
  const client = useMilepost();
  const list = useMemo(() => new PageList(client, job.id), [client, job.id]);
  const done = job.stages.find(({ unit }) => unit === "page")?.done ?? 0;
  const version = `${job.attempt} ${job.status} ${done}`;
  useEffect(() => list.want(version, job.attempt), [list, version, job.attempt]);
  useEffect(() => () => list.stop(), [list]);
  return useReadable(list, NONE);
}
