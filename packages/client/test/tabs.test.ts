// Tabs of one user share one connection, whoever of them goes.

import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { type Job, Milepost } from "../src/index.js";
import { settle, type TestClock, testClock } from "./support/clock.js";
import { makeLocks } from "./support/locks.js";
import { makeWorld, type World } from "./support/world.js";

let clock: TestClock;
let world: World;
let open: Milepost[];

beforeEach(() => {
  // What a page has, and Node.js has not.
  vi.stubGlobal("document", { addEventListener() {}, removeEventListener() {} });
  vi.stubGlobal("navigator", { locks: makeLocks(), onLine: true });
  clock = testClock();
  world = makeWorld(clock);
  open = [];
});
afterEach(async () => {
  for (const tab of open) tab.close();
  await settle();
  vi.unstubAllGlobals();
});

function tab(token = "mp_one") {
  const made = new Milepost({
    baseUrl: "http://server.test",
    token,
    fetch: world.fetch,
    webSocket: world.webSocket,
    clock,
  });
  open.push(made);
  return made;
}

const role = (one: Milepost) => one.connection.getSnapshot().role;
const status = (one: Milepost) => one.connection.getSnapshot().status;

function record(one: Milepost, target: Parameters<Milepost["watch"]>[0]) {
  const jobs: Job[] = [];
  const watch = one.watch(target, { onProgress: (job) => jobs.push(job) });
  return { watch, said: () => jobs.map((job) => `${job.id}${job.seq}`).join(" ") };
}

/** Messages between tabs take a turn of the real loop, whatever the clock says. */
async function until(holds: () => boolean) {
  const moved = async () => {
    await clock.advance(10);
    return holds();
  };
  await expect.poll(moved, { timeout: 10_000 }).toBe(true);
}

it("has one connection, and each tab hears what it watches", async () => {
  for (const id of ["a", "b"]) world.add({ id });
  const [first, second] = [tab(), tab()];
  const a = record(first, "a");
  await until(() => status(first) === "live");
  const b = record(second, "b");
  const both = record(second, { mine: true });
  await until(() => b.said() === "b1" && both.said() === "a1 b1");
  expect([role(first), role(second)]).toEqual(["leader", "follower"]);
  expect(status(second)).toBe("live");
  world.move("a", { status: "running" });
  world.move("b", { status: "completed" });
  await until(() => both.said() === "a1 b1 a2 b2");
  await b.watch.ended;
  expect([a.said(), b.said()]).toEqual(["a1 a2", "b1 b2"]);
  expect(world.open()).toBe(1);
});

it("goes on in another tab when the leader goes, without loss or repetition", async () => {
  for (const id of ["a", "b", "c"]) world.add({ id });
  const [first, second, third] = [tab(), tab(), tab()];
  first.watch("a");
  await until(() => status(first) === "live");
  const mine = record(second, { mine: true });
  await until(() => mine.said() === "a1 b1 c1");
  const c = record(third, "c");
  const also = record(third, { mine: true });
  await until(() => c.said() === "c1" && also.said() === "a1 b1 c1");
  first.close();
  // While nobody is connected.
  world.move("a", { status: "completed" });
  world.move("c", { status: "running" });
  world.add({ id: "d", updated_at: "2026-11-27T12:00:01.000000Z" });
  world.move("d", { status: "completed" });
  await until(() => role(second) === "leader" && status(second) === "live");
  await until(
    () => mine.said().includes("a2") && mine.said().includes("c2") && c.said() === "c1 c2",
  );
  await until(() => mine.said().includes("d2") && also.said().includes("d2"));
  for (const heard of [mine, also]) {
    expect(heard.said().split(" ").sort()).toEqual(["a1", "a2", "b1", "c1", "c2", "d2"]);
  }
  expect(role(third)).toBe("follower");
  expect(world.open()).toBe(1);
});

it("never shares with another user", async () => {
  world.add({ id: "a" });
  const [mine, theirs] = [tab("mp_one"), tab("mp_two")];
  record(mine, "a");
  record(theirs, "a");
  await until(() => status(mine) === "live" && status(theirs) === "live");
  expect([role(mine), role(theirs)]).toEqual(["leader", "leader"]);
  expect(world.open()).toBe(2);
});

it("passes refusals and removals on", async () => {
  world.add({ id: "a" });
  const [first, second] = [tab(), tab()];
  first.watch("a");
  await until(() => status(first) === "live");
  const heard: string[] = [];
  const watch = second.watch(["a", "none"], {
    onRemoved: (id) => heard.push(`removed ${id}`),
    onError: (error) => heard.push(error.code),
  });
  await until(() => heard.includes("not_found"));
  world.remove("a");
  await until(() => heard.includes("removed a"));
  await watch.ended;
});

it("tells all tabs when there will be no connection", async () => {
  world.add({ id: "a" });
  const [first, second] = [tab(), tab()];
  first.watch("a");
  await until(() => status(first) === "live");
  const heard: string[] = [];
  const watch = second.watch("a", { onError: (error) => heard.push(error.code) });
  await until(() => status(second) === "live");
  world.cut(4403);
  await watch.ended;
  expect(heard).toEqual(["forbidden"]);
  expect(second.connection.getSnapshot()).toMatchObject({ status: "ended", role: "follower" });
});

it("shows a job again that a follower watches again", async () => {
  for (const id of ["a", "b"]) world.add({ id });
  const [first, second] = [tab(), tab()];
  first.watch("b");
  await until(() => status(first) === "live");
  for (let times = 0; times < 3; times++) {
    const { watch, said } = record(second, "a");
    await until(() => said() === "a1");
    watch.close();
  }
});
