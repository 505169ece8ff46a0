// How long to wait before the next attempt. Enters: settings, chance. Leaves: a
// function of the attempt.

import { report } from "./platform.js";
import type { Backoff, BackoffOptions } from "./types.js";

/** ms that a timer can wait. */
const LONGEST = 2 ** 31 - 1;

/** One's own function, or the built-in one with these settings. */
export function backoffOf(
  options: BackoffOptions | Backoff | undefined,
  random: () => number,
): Backoff {
  if (typeof options === "function") {
    const rule = backoffOf(undefined, random);
    return (...told) => {
      try {
        const ms = options(...told);
        if (ms === null || (ms >= 0 && ms <= LONGEST)) return ms;
      } catch (error) {
        report(error);
      }
      // One that throws, or says what is no time, must not stop the connection or hurry it.
      return rule(...told);
    };
  }
  const {
    initial = 1_000,
    max = 30_000,
    jitter = "full",
    maxAttempts = Number.POSITIVE_INFINITY,
  } = options ?? {};
  return (attempt) => {
    if (attempt > maxAttempts) return null;
    const ms = Math.min(initial * 2 ** (attempt - 1), max);
    return jitter === "full" ? ms * random() : ms;
  };
}
