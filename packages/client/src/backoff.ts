// How long to wait before the next attempt. Enters: settings, chance. Leaves: a
// function of the attempt.

import type { Backoff, BackoffOptions } from "./types.js";

/** One's own function, or the built-in one with these settings. */
export function backoffOf(
  options: BackoffOptions | Backoff | undefined,
  random: () => number,
): Backoff {
  if (typeof options === "function") return options;
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
