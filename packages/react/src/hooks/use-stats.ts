"use client";
/**
 * Counts of the server: connections, the queue, jobs by day and end.
 *
 * Enters: since when, how often. Leaves: the newest counts. Never: asks while the page is hidden.
 */

import type { Info, MilepostError, Stats } from "@milepost/client";
import { useMilepost } from "../provider.js";
import { useLoad } from "./use-load.js";
import { useVisible } from "./use-visible.js";

/** Options of `useStats`. */
export interface StatsOptions {
  /** Counts of finished jobs begin here: a time of ISO 8601. The last 30 days by default. */
  since?: string | undefined;
  /** Milliseconds from one answer to the next question. 5,000 by default; `Infinity` asks once. */
  every?: number | undefined;
}

/** What `useStats` returns. */
export interface StatsView {
  /** The newest counts; after an error, those before. */
  readonly stats: Stats | undefined;
  readonly error: MilepostError | undefined;
  readonly loading: boolean;
}

/** The server's counts, asked for again and again while the page can be seen. */
export function useStats({ since, every = 5000 }: StatsOptions = {}): StatsView {
  const client = useMilepost();
  const visible = useVisible();
  const { value, error, loading } = useLoad(
    client,
    visible ? (since ?? "") : undefined,
    () => client.stats(since === undefined ? {} : { since }),
    { every: Number.isFinite(every) ? every : undefined, keep: true },
  );
  return { stats: value, error, loading };
}

/** What the server says of itself: its limits, what it takes, how to sign in. Asked for once. */
export function useInfo(): {
  readonly info: Info | undefined;
  readonly error: MilepostError | undefined;
} {
  const client = useMilepost();
  const { value, error } = useLoad(client, "info", () => client.info());
  return { info: value, error };
}
