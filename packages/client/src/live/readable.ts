// A value that is kept while somebody listens. Enters: values, what begins and ends
// its keeping. Leaves: a readable.

import { type Clock, guarded } from "../platform.js";
import type { Readable } from "../types.js";

/** ms for which it is kept behind the last listener: a page that changes listens again. */
const LINGER = 1_000;

/** A readable that is written. */
export interface Store<T> extends Readable<T> {
  get(): T;
  set(value: T): void;
}

/** A value; `begin` runs with the first listener, `end` a moment after the last. */
export function readable<T>(first: T, clock: Clock, begin: () => void, end: () => void): Store<T> {
  const listeners = new Set<() => void>();
  let value = first;
  let kept = false;
  let stopLinger: () => void = () => undefined;
  return {
    get: () => value,
    getSnapshot: () => value,
    set(next) {
      if (next === value) return;
      value = next;
      for (const listener of [...listeners]) guarded(listener);
    },
    subscribe(listener) {
      // The same function may listen twice.
      const own = () => listener();
      listeners.add(own);
      stopLinger();
      if (!kept) {
        kept = true;
        begin();
      }
      return () => {
        if (!listeners.delete(own) || listeners.size > 0) return;
        stopLinger = clock.after(LINGER, () => {
          kept = false;
          end();
        });
      };
    },
  };
}
