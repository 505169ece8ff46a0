/** The time, for ages such as "5 minutes ago". Leaves: ms since 1970, new every half minute. */
import { useSyncExternalStore } from "react";

const EVERY = 30_000;
let now = Date.now();
let timer: ReturnType<typeof setInterval> | undefined;
const listeners = new Set<() => void>();

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  timer ??= setInterval(() => {
    now = Date.now();
    for (const each of listeners) each();
  }, EVERY);
  return () => {
    listeners.delete(listener);
    if (listeners.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  };
}

/** One clock for all who show an age; it stands still while nobody does. */
export function useNow(): number {
  return useSyncExternalStore(subscribe, () => now);
}
