"use client";
/**
 * A list that comes in pages.
 *
 * Enters: whom to ask, a key, and how a page is loaded. Leaves: what was loaded so far, or why not.
 * Never: pages of an earlier key in the list of a later one.
 */

import type { List, MilepostError } from "@milepost/client";
import { useCallback, useEffect, useRef, useState } from "react";
import { useLatest } from "../hooks/use-latest.js";

/** What is known of such a list. */
export interface Paged<T> {
  readonly items: readonly T[];
  readonly loading: boolean;
  readonly error: MilepostError | undefined;
  readonly hasMore: boolean;
  /** Loads the next page; does nothing where there is none, or while one is on its way. */
  loadMore(): void;
  /** Loads anew what is shown. Until that is there, it stays to be seen. */
  refresh(): void;
}

interface State<T> {
  readonly owner: unknown;
  readonly key: string | undefined;
  readonly items: readonly T[];
  readonly pages: number;
  readonly next: string | undefined;
  readonly error: MilepostError | undefined;
}

const EMPTY = {
  owner: undefined,
  key: undefined,
  items: [],
  pages: 0,
  next: undefined,
  error: undefined,
};

/** Loads a list when `owner` or `key` changes; without a key nothing is loaded. */
export function usePaged<T>(
  owner: unknown,
  key: string | undefined,
  load: (cursor: string | undefined, signal: AbortSignal) => Promise<List<T>>,
): Paged<T> {
  const [state, setState] = useState<State<T>>(EMPTY);
  const [round, setRound] = useState(0);
  const [busy, setBusy] = useState(true);
  const latest = useLatest(load);
  const newest = useLatest(state);
  const under = useRef<AbortController>(undefined);

  /** Loads pages behind `from` until there are `count` of them. */
  const run = useCallback(
    async (from: State<T>, count: number) => {
      under.current?.abort();
      const abort = new AbortController();
      under.current = abort;
      setBusy(true);
      let now = from;
      try {
        do {
          const page = await latest.current(now.next, abort.signal);
          if (abort.signal.aborted) return;
          now = {
            ...now,
            items: [...now.items, ...page.items],
            pages: now.pages + 1,
            next: page.next ?? undefined,
          };
        } while (now.pages < count && now.next !== undefined);
        setState({ ...now, error: undefined });
      } catch (thrown) {
        if (abort.signal.aborted) return;
        // The client rejects with nothing else than its own errors.
        const error = thrown as MilepostError;
        setState((before) =>
          before.owner === from.owner && before.key === from.key
            ? { ...before, error }
            : { ...from, error },
        );
      }
      setBusy(false);
      under.current = undefined;
    },
    [latest],
  );

  // biome-ignore lint/correctness/useExhaustiveDependencies: a round asks for the same again
  useEffect(() => {
    if (key === undefined) return;
    const { owner: whose, key: which, pages } = newest.current;
    const same = whose === owner && which === key;
    void run({ ...EMPTY, owner, key }, same ? pages : 1);
    return () => under.current?.abort();
  }, [owner, key, round]);

  const current = state.owner === owner && state.key === key;
  const { items, next, error } = current ? state : EMPTY;
  const loading = key !== undefined && (!current || busy);
  return {
    items,
    loading,
    error,
    hasMore: next !== undefined,
    loadMore: useCallback(() => {
      const from = newest.current;
      if (from.next !== undefined && !under.current) void run(from, from.pages + 1);
    }, [newest, run]),
    refresh: useCallback(() => setRound((n) => n + 1), []),
  };
}
