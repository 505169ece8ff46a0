/**
 * Something that is read once for each key. Enters: a key and how to read it. Leaves: what came,
 * or why not. Never an answer to an earlier key in the place of a later one's.
 */
import type { MilepostError } from "@milepost/client";
import { useCallback, useEffect, useRef, useState } from "react";

export interface Loaded<T> {
  readonly value: T | undefined;
  readonly error: MilepostError | undefined;
  readonly loading: boolean;
  reload(): void;
}

interface Answer<T> {
  readonly key: string;
  readonly value?: T;
  readonly error?: MilepostError;
}

/**
 * Reads whenever `key` changes, and when the connection is back; without a key, not at all.
 */
export function useLoad<T>(
  key: string | undefined,
  load: (signal: AbortSignal) => Promise<T>,
): Loaded<T> {
  const [answer, setAnswer] = useState<Answer<T>>();
  const [round, setRound] = useState(0);
  const latest = useRef(load);
  useEffect(() => {
    latest.current = load;
  });

  // biome-ignore lint/correctness/useExhaustiveDependencies: a new round reads the same key again.
  useEffect(() => {
    if (key === undefined) return;
    const abort = new AbortController();
    latest.current(abort.signal).then(
      (value) => abort.signal.aborted || setAnswer({ key, value }),
      // The client rejects with nothing else than its own errors.
      (error: MilepostError) => abort.signal.aborted || setAnswer({ key, error }),
    );
    return () => abort.abort();
  }, [key, round]);

  const cut = answer?.error?.code === "network";
  useEffect(() => {
    if (!cut) return;
    const again = (): void => setRound((before) => before + 1);
    addEventListener("online", again);
    return () => removeEventListener("online", again);
  }, [cut]);

  const mine = answer?.key === key ? answer : undefined;
  return {
    value: mine?.value,
    error: mine?.error,
    loading: key !== undefined && mine === undefined,
    reload: useCallback(() => setRound((before) => before + 1), []),
  };
}
