/**
 * Failed jobs that a person has read and taken off a collection's page. Enters: those jobs. Leaves:
 * a store that React reads, and one entry in localStorage. Never: deletes a job.
 */
import type { Job } from "@milepost/client";
import { isTerminal } from "@milepost/client";
import { useSyncExternalStore } from "react";

const KEY = "milepost.dismissed";

/** At most so many are remembered; the first ones are forgotten first. */
const MOST = 1000;

type Dismissed = readonly string[];

const NONE: Dismissed = [];

/** A retry that fails is another failure. */
export const failureOf = ({ id, attempt }: Pick<Job, "id" | "attempt">): string =>
  `${id} ${attempt}`;

/** Reads what was stored: an entry of another version may hold anything. */
export function parseDismissed(stored: string | null): Dismissed {
  try {
    const value: unknown = JSON.parse(stored ?? "[]");
    if (!Array.isArray(value)) return NONE;
    return value.filter((one) => typeof one === "string").slice(-MOST);
  } catch {
    return NONE;
  }
}

/**
 * The jobs that a collection's page shows, newest first: what is under way, and what failed until it
 * is dismissed. Enters: the newest jobs of all states, and the newest that failed; either list may be
 * behind the other.
 */
export function comingOf(
  listed: readonly Job[],
  failed: readonly Job[],
  dismissed: Dismissed,
): readonly Job[] {
  const newest = new Map(failed.map((job) => [job.id, job]));
  for (const job of listed) if ((newest.get(job.id)?.seq ?? 0) <= job.seq) newest.set(job.id, job);
  return [...newest.values()]
    .filter((job) =>
      job.status === "failed" ? !dismissed.includes(failureOf(job)) : !isTerminal(job.status),
    )
    .sort((one, other) => (one.id < other.id ? 1 : -1));
}

function stored(): string | null {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null; // Storage is switched off; it holds until the tab is closed.
  }
}

let current: Dismissed | undefined;
const listeners = new Set<() => void>();

function get(): Dismissed {
  current ??= parseDismissed(stored());
  return current;
}

function publish(next: Dismissed | undefined): void {
  current = next;
  for (const listener of listeners) listener();
}

/** Takes failed jobs off the page, in all tabs of this browser. */
export function dismiss(jobs: readonly Job[]): void {
  // Another tab may have dismissed some meanwhile.
  const before = new Set([...parseDismissed(stored()), ...get()]);
  for (const job of jobs) before.add(failureOf(job));
  publish([...before].slice(-MOST));
  try {
    localStorage.setItem(KEY, JSON.stringify(current));
  } catch {
    // As above.
  }
}

/** Forgets them: somebody else may sign in. */
export function forgetDismissed(): void {
  localStorage.removeItem(KEY);
  publish(NONE);
}

function subscribe(listener: () => void): () => void {
  const heard = ({ key }: StorageEvent): void => {
    if (key === KEY) publish(undefined);
  };
  addEventListener("storage", heard);
  listeners.add(listener);
  return () => {
    removeEventListener("storage", heard);
    listeners.delete(listener);
  };
}

export const useDismissed = (): Dismissed => useSyncExternalStore(subscribe, get);
