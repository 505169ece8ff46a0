// Time that moves when a test says so, and chance that is the same each time.

// Loaded before it is needed: the time that takes is none of the test's.
import "../../src/live/link.js";
import "../../src/upload.js";
import type { Clock } from "../../src/platform.js";

export interface TestClock extends Clock {
  /** Moves time on, runs what is due in its order, and lets promises settle between. */
  advance(ms: number): Promise<void>;
  /** How many timers wait. */
  pending(): number;
}

export function testClock(seed = 1, start = 1_000_000): TestClock {
  let now = start;
  let count = 0;
  const timers = new Map<number, { at: number; run: () => void }>();
  const random = seeded(seed);
  return {
    now: () => now,
    after(ms, run) {
      const id = ++count;
      timers.set(id, { at: now + ms, run });
      return () => void timers.delete(id);
    },
    random,
    async advance(ms) {
      const end = now + ms;
      await settle();
      for (;;) {
        const due = [...timers].filter(([, timer]) => timer.at <= end);
        const next = due.sort(([a, x], [b, y]) => x.at - y.at || a - b)[0];
        if (!next) break;
        timers.delete(next[0]);
        now = Math.max(now, next[1].at);
        next[1].run();
        await settle();
      }
      now = end;
    },
    pending: () => timers.size,
  };
}

/** Lets everything that waits for nothing but a promise happen. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** Numbers from 0 below 1 (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}
