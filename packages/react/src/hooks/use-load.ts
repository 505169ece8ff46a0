"use client";
/**
 * Something that is loaded once for each key.
 *
 * Enters: whom to ask, a key, and how to load. Leaves: what was loaded for that key, or why not.
 * Never: an answer to an earlier key in the place of a later one's.
 */

import type { MilepostError } from "@milepost/client";
import { useCallback, useEffect, useState } from "react";
import { useLatest } from "./use-latest.js";

/** What is known of something that is loaded. */
export interface Loaded<T> {
  /** What came last. While it is loaded anew, and after an error, what came before. */
  readonly value: T | undefined;
  readonly error: MilepostError | undefined;
  readonly loading: boolean;
  /** Loads again. */
  reload(): void;
}

interface State<T> {
  readonly owner: unknown;
  readonly key: string | undefined;
  readonly value: T | undefined;
  readonly error: MilepostError | undefined;
}

const isFor = (state: State<unknown>, owner: unknown, key: string | undefined) =>
  state.owner === owner && state.key === key;

const EMPTY = { owner: undefined, key: undefined, value: undefined, error: undefined };

/**
 * Calls `load` when `owner` or `key` changes, and `every` milliseconds behind each answer. Without a
 * key nothing is loaded. `keep` is whether a value stays to be seen while that of another key loads.
 */
export function useLoad<T>(
  owner: unknown,
  key: string | undefined,
  load: (signal: AbortSignal) => Promise<T>,
  { every, keep = false }: { every?: number | undefined; keep?: boolean } = {},
): Loaded<T> {
  const [state, setState] = useState<State<T>>(EMPTY);
  const [round, setRound] = useState(0);
  const [settled, setSettled] = useState(-1);
  const latest = useLatest(load);

  // biome-ignore lint/correctness/useExhaustiveDependencies: a round asks for the same again
  useEffect(() => {
    if (key === undefined) return;
    const abort = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const end = (next: (before: State<T>) => State<T>) => {
      if (abort.signal.aborted) return;
      setState(next);
      setSettled(round);
      if (every !== undefined) timer = setTimeout(() => setRound((n) => n + 1), every);
    };
    latest.current(abort.signal).then(
      (value) => end(() => ({ owner, key, value, error: undefined })),
      // The client rejects with nothing else than its own errors.
      (error: MilepostError) =>
        end((before) => ({ ...(isFor(before, owner, key) ? before : EMPTY), owner, key, error })),
    );
    return () => {
      abort.abort();
      clearTimeout(timer);
    };
  }, [owner, key, round, every]);

  const reload = useCallback(() => setRound((n) => n + 1), []);
  const current = isFor(state, owner, key);
  return {
    value: current || keep ? state.value : undefined,
    error: current ? state.error : undefined,
    loading: key !== undefined && (!current || settled < round),
    reload,
  };
}
