// Whatever the network does: each watcher sees of each job a rising seq, no snapshot
// twice, the end last, and the watch ends.

import { describe, expect, it } from "vitest";
import { type Job, Milepost, type Status } from "../src/index.js";
import { testClock } from "./support/clock.js";
import { makeWorld } from "./support/world.js";

const STORMS = 60;

async function storm(seed: number, watchesByName: boolean) {
  const clock = testClock(seed);
  const world = makeWorld(clock);
  world.noise = 0.3;
  const client = new Milepost({
    baseUrl: "http://server.test",
    fetch: world.fetch,
    webSocket: world.webSocket,
    clock,
    backoff: { initial: 100, max: 2_000 },
  });
  const ids = ["a", "b", "c"];
  for (const id of ids) world.add({ id });
  // Without them nothing but the catching up tells what ended during a break.
  const heard: Job[][] = watchesByName ? [[], []] : [];
  const watches = heard.map((list) => client.watch(ids, { onProgress: (job) => list.push(job) }));
  const mine: Job[] = [];
  client.watch({ mine: true }, { onProgress: (job) => mine.push(job) });
  let ended = 0;
  for (const watch of watches) void watch.ended.then(() => ended++);

  // All one's own begins with what has not ended: let it begin.
  await clock.advance(100);
  const going = new Set(ids);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(clock.random() * list.length)] as T;
  while (going.size > 0) {
    await clock.advance(clock.random() * 3_000);
    const chance = clock.random();
    if (chance < 0.15) world.cut(pick([1006, 1012, 4408, 4429]));
    else if (chance < 0.3) world.blocked.add(pick(["websocket", "sse", "http"] as const));
    else if (chance < 0.5) world.blocked.clear();
    else {
      const id = pick([...going]);
      const status = pick<Status>([
        "running",
        "running",
        "running",
        "completed",
        "failed",
        "cancelled",
      ]);
      world.move(id, { status });
      if (status !== "running") going.delete(id);
    }
    if (world.blocked.has("http")) world.cut();
  }
  world.blocked.clear();
  await clock.advance(900_000);
  const open = world.open();
  client.close();
  await clock.advance(5_000);
  return { heard, mine, ended, open, left: world.open(), timers: clock.pending() };
}

const seeds = Array.from({ length: STORMS }, (_, seed) => seed + 1);

describe.each([
  { name: "by name", watchesByName: true },
  { name: "all one's own", watchesByName: false },
])("$name", ({ watchesByName }) => {
  it.each(seeds)("storm %i", async (seed) => {
    const { heard, mine, ended, open, left, timers } = await storm(seed, watchesByName);
    expect(ended).toBe(heard.length);
    for (const list of [...heard, mine]) {
      for (const id of ["a", "b", "c"]) {
        const own = list.filter((job) => job.id === id);
        const seqs = own.map(({ seq }) => seq);
        expect(seqs).toEqual([...new Set(seqs)].sort((x, y) => x - y));
        expect(["completed", "failed", "cancelled"]).toContain(own.at(-1)?.status);
        expect(own.filter(({ status }) => !["queued", "running"].includes(status))).toHaveLength(1);
      }
    }
    // One connection for all of them, and nothing is left of it.
    expect(open).toBe(1);
    expect(left).toBe(0);
    expect(timers).toBe(0);
  });
});
