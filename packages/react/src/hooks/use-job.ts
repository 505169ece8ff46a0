"use client";
/**
 * One job, live.
 *
 * Enters: its id. Leaves: its newest snapshot, and orders to it. Never: a connection of its own;
 * all hooks of one client share what watches a job.
 */

import { type Job, type LiveJob, MilepostError } from "@milepost/client";
import { useMemo } from "react";
import { useMilepost } from "../provider.js";
import { useReadable } from "./use-readable.js";

const NONE: LiveJob = Object.freeze({
  job: undefined,
  error: undefined,
  stalled: false,
  removed: false,
});

const nothing = () =>
  Promise.reject(new MilepostError("not_found", "There is no job yet to be told anything."));

/** Orders to one job. Each rejects with a `MilepostError`, code `not_found` where there is no id. */
export interface JobOrders {
  /** Stops the job, in the middle of a page too. What is finished stays. */
  cancel(): Promise<Job>;
  /** Queues the next attempt of a job that has ended. */
  retry(): Promise<Job>;
  /** Deletes a job that has ended, with its result. */
  remove(): Promise<void>;
}

/** What `useJob` returns. */
export type JobView = LiveJob & JobOrders;

/**
 * Watches a job while the component is mounted. Without an id it watches nothing: `job` is
 * `undefined` then, as it is until the first snapshot has come.
 */
export function useJob(id: string | undefined): JobView {
  const client = useMilepost();
  const readable = useMemo(() => (id === undefined ? undefined : client.live(id)), [client, id]);
  const live = useReadable(readable, NONE);
  return useMemo(
    () => ({
      ...live,
      cancel: () => (id === undefined ? nothing() : client.cancel(id)),
      retry: () => (id === undefined ? nothing() : client.retry(id)),
      remove: () => (id === undefined ? nothing() : client.remove(id)),
    }),
    [client, id, live],
  );
}
