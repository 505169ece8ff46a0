// What the client takes from where it runs. Enters: options. Leaves: a clock, and
// the platform's parts or nothing where it has none. Never: decides anything.

/** Time and chance. */
export interface Clock {
  /** ms since 1970. */
  now(): number;
  /** Calls `run` once, after so many ms. Returns what takes it back. */
  after(ms: number, run: () => void): () => void;
  /** From 0, below 1. */
  random(): number;
}

/** The platform's own. */
export const systemClock: Clock = {
  now: () => Date.now(),
  after(ms, run) {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
  random: () => Math.random(),
};

/** Tells about frames and decisions. Never gets a credential. */
export type Log = (line: string, detail?: unknown) => void;

/**
 * Tells of an error in somebody else's function, which harms nobody else: to the
 * page's `error` event; in Node.js it is an uncaught exception.
 */
export function report(error: unknown): void {
  if (typeof reportError === "function") reportError(error);
  else
    queueMicrotask(() => {
      throw error;
    });
}

/** Calls somebody else's function. */
export function guarded(run: () => void): void {
  try {
    run();
  } catch (error) {
    report(error);
  }
}

/** A promise for later, by this clock; it resolves early when `signal` aborts. */
export function sleep(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const cancel = clock.after(ms, done);
    function done() {
      cancel();
      signal?.removeEventListener("abort", done);
      resolve();
    }
    signal?.addEventListener("abort", done);
  });
}

/** A name that nobody else has: 128 random bits, also on pages without TLS. */
export const randomId = (): string =>
  Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) =>
    byte.toString(16).padStart(2, "0"),
  ).join("");
