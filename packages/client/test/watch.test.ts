// Watches: what is called, in which order, and when they end.

import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { backoffOf } from "../src/backoff.js";
import { type Job, Milepost } from "../src/index.js";
import { settle, type TestClock, testClock } from "./support/clock.js";
import { makeWorld, type World } from "./support/world.js";

let clock: TestClock;
let world: World;
let client: Milepost;

beforeEach(() => {
  clock = testClock();
  world = makeWorld(clock);
  client = new Milepost({
    baseUrl: "http://server.test",
    fetch: world.fetch,
    webSocket: world.webSocket,
    clock,
  });
});
afterEach(() => {
  client.close();
  vi.unstubAllGlobals();
});

const stage = (name: string, status: "running" | "completed") => ({
  name,
  status,
  unit: null,
  done: null,
  total: null,
  started_at: null,
  finished_at: null,
});

it("calls handlers in order, the end last", async () => {
  world.add({ id: "a" });
  const calls: string[] = [];
  const watch = client.watch("a", {
    onProgress: (job) => calls.push(`progress ${job.seq}`),
    onStage: (now, job) => calls.push(`stage ${now.name} ${now.status} ${job.seq}`),
    onComplete: (job) => calls.push(`complete ${job.seq}`),
  });
  expect(calls).toEqual([]);
  await clock.advance(100);
  world.move("a", {
    status: "running",
    stage: "converting",
    stages: [stage("converting", "running")],
  });
  world.move("a", { progress: 50 });
  world.move("a", {
    status: "completed",
    stage: "converting",
    stages: [stage("converting", "completed")],
  });
  world.move("a", { status: "queued", attempt: 2 });
  await watch.ended;
  expect(calls).toEqual([
    "progress 1",
    "progress 2",
    "stage converting running 2",
    "progress 3",
    "progress 4",
    "stage converting completed 4",
    "complete 4",
  ]);
});

it("lets a handler that throws harm nobody, and reports its error", async () => {
  world.add({ id: "a" });
  const reported: unknown[] = [];
  vi.stubGlobal("reportError", (error: unknown) => reported.push(error));
  const fault = new Error("of the page");
  let completed = 0;
  const watch = client.watch("a", {
    onProgress() {
      throw fault;
    },
    onComplete: () => completed++,
  });
  await clock.advance(100);
  world.move("a", { status: "completed" });
  await watch.ended;
  expect(completed).toBe(1);
  expect(reported).toEqual([fault, fault]);
});

it("lets a listener or a log that throws harm nobody", async () => {
  world.add({ id: "a" });
  const reported: unknown[] = [];
  vi.stubGlobal("reportError", (error: unknown) => reported.push(error));
  const fault = new Error("of the page");
  const fail = () => {
    throw fault;
  };
  const logged = new Milepost({
    baseUrl: "http://server.test",
    fetch: world.fetch,
    webSocket: world.webSocket,
    clock,
    debug: fail,
  });
  logged.connection.subscribe(fail);
  logged.live("a").subscribe(fail);
  await clock.advance(100);
  expect(logged.connection.getSnapshot().status).toBe("live");
  expect(logged.live("a").getSnapshot().job?.seq).toBe(1);
  expect(new Set(reported)).toEqual(new Set([fault]));
  logged.close();
});

it("takes the default where a back-off of one's own throws or says no time", async () => {
  vi.stubGlobal("reportError", () => undefined);
  for (const ms of [Number.NaN, -1, Number.POSITIVE_INFINITY, undefined]) {
    const backoff = backoffOf(
      () => {
        if (ms === undefined) throw new Error("of the page");
        return ms;
      },
      () => 0.5,
    );
    expect(backoff(2, undefined, undefined)).toBe(1_000);
  }
});

it("ends a watch that is closed before it has begun", async () => {
  const watch = client.watch("a");
  client.close();
  await watch.ended;
});

it("gives a slow reader the newest of each job", async () => {
  for (const id of ["a", "b"]) world.add({ id });
  const jobs = client.watch(["a", "b"])[Symbol.asyncIterator]();
  await clock.advance(100);
  for (const status of ["running", "running", "completed"] as const) {
    world.move("a", { status });
    world.move("b", { status });
  }
  const read: string[] = [];
  for (let next = await jobs.next(); !next.done; next = await jobs.next()) {
    read.push(`${next.value.id}${next.value.seq}`);
  }
  expect(read).toEqual(["a4", "b4"]);
});

it("ends a watch when its loop is left", async () => {
  world.add({ id: "a" });
  const watch = client.watch({ mine: true });
  const left = (async () => {
    for await (const job of watch) if (job.id === "a") break;
  })();
  await clock.advance(100);
  await left;
  await watch.ended;
  await clock.advance(2_000);
  expect(client.connection.getSnapshot().status).toBe("idle");
  expect(world.open()).toBe(0);
});

it("throws in a loop when there will be no connection", async () => {
  world.add({ id: "a" });
  const loop = (async () => {
    for await (const _ of client.watch("a"));
  })();
  const thrown = expect(loop).rejects.toMatchObject({ code: "forbidden", retryable: false });
  await clock.advance(100);
  world.cut(4403);
  await thrown;
});

it("ends without an error when the client is closed", async () => {
  world.add({ id: "a" });
  const errors: unknown[] = [];
  const watch = client.watch("a", { onError: (error) => errors.push(error) });
  await clock.advance(100);
  client.close();
  await watch.ended;
  await client.watch("a").ended;
  expect(errors).toEqual([]);
  expect(client.connection.getSnapshot().status).toBe("ended");
  expect(clock.pending()).toBe(0);
});

it("follows one job over retries and removal, while somebody listens", async () => {
  world.add({ id: "a" });
  const live = client.live("a");
  expect(client.live("a")).toBe(live);
  let told = 0;
  const stop = live.subscribe(() => told++);
  await clock.advance(100);
  const first = live.getSnapshot();
  expect(first.job?.seq).toBe(1);
  expect(live.getSnapshot()).toBe(first);
  world.move("a", { status: "failed" });
  world.move("a", { status: "queued", attempt: 2 });
  world.say({ type: "queue", job: "a", position: 2, length: 3 });
  expect(live.getSnapshot().job).toMatchObject({ seq: 3, queue: { position: 2, length: 3 } });
  world.move("a", { status: "running", stalled: true });
  expect(live.getSnapshot().stalled).toBe(true);
  world.remove("a");
  expect(live.getSnapshot().removed).toBe(true);
  expect(told).toBe(6);
  stop();
  // A page that changes listens again within a moment.
  const again = live.subscribe(() => undefined);
  await clock.advance(5_000);
  expect(world.open()).toBe(1);
  again();
  await clock.advance(5_000);
  expect(world.open()).toBe(0);
});

it("shares what is known with who comes later", async () => {
  world.add({ id: "a" });
  client.watch("a");
  await clock.advance(100);
  world.move("a", { status: "running" });
  const later: Job[] = [];
  client.watch("a", { onProgress: (job) => later.push(job) });
  await settle();
  expect(later.map(({ seq }) => seq)).toEqual([2]);
});

it("takes up a better transport without closing the other before", async () => {
  world.add({ id: "a" });
  world.blocked.add("websocket");
  const seqs: number[] = [];
  client.watch("a", { onProgress: (job) => seqs.push(job.seq) });
  await clock.advance(60_000);
  expect(client.connection.getSnapshot()).toMatchObject({ status: "live", transport: "sse" });
  world.blocked.clear();
  let least = 1;
  for (let second = 0; second < 320; second++) {
    await clock.advance(1_000);
    world.move("a", { status: "running" });
    least = Math.min(least, world.open());
  }
  expect(client.connection.getSnapshot()).toMatchObject({ status: "live", transport: "websocket" });
  expect(least).toBe(1);
  expect(seqs).toEqual(Array.from({ length: 321 }, (_, index) => index + 1));
});

it("polls within 20 s where sockets are refused and streams are held back", async () => {
  world.add({ id: "a" });
  world.blocked.add("websocket");
  const held = new Milepost({
    baseUrl: "http://server.test",
    webSocket: world.webSocket,
    clock,
    backoff: { jitter: "none" },
    async fetch(input, init) {
      if (!String(input).includes("/v1/stream")) return world.fetch(input, init);
      const body = new ReadableStream({
        start(controller) {
          init?.signal?.addEventListener("abort", () => controller.error(init.signal?.reason));
        },
      });
      return new Response(body, { headers: { "content-type": "text/event-stream" } });
    },
  });
  const seqs: number[] = [];
  held.watch("a", { onProgress: (job) => seqs.push(job.seq) });
  await clock.advance(20_100);
  expect(held.connection.getSnapshot().status).toBe("polling");
  expect(seqs).toEqual([1]);
  held.close();
});

it("waits as long as a server that stops asks", async () => {
  world.add({ id: "a" });
  client.watch("a");
  await clock.advance(100);
  world.say({ type: "draining", retry_after_ms: 5_000 });
  world.cut(1012);
  const { status, retryAt } = client.connection.getSnapshot();
  expect(status).toBe("retrying");
  expect((retryAt ?? 0) - clock.now()).toBeGreaterThanOrEqual(5_000);
  client.connection.retryNow();
  await clock.advance(100);
  expect(client.connection.getSnapshot()).toMatchObject({
    status: "live",
    metrics: { reconnects: 1, gaps: 0 },
  });
});

it("renews a credential that ends on the open socket, and never logs one", async () => {
  world.add({ id: "a" });
  let asked = 0;
  const lines: unknown[] = [];
  const renewed = new Milepost({
    baseUrl: "http://server.test",
    fetch: world.fetch,
    webSocket: world.webSocket,
    clock,
    getToken: () => `secret-${++asked}`,
    debug: (...line) => lines.push(line),
  });
  renewed.watch("a");
  await clock.advance(100);
  world.say({ type: "error", code: "unauthenticated", message: "It has expired." });
  await clock.advance(100);
  expect(world.said.filter(({ type }) => type === "auth").map(({ token }) => token)).toEqual([
    "secret-1",
    "secret-2",
  ]);
  // What was refused meanwhile is asked for again, from where it was.
  expect(world.said.filter(({ type }) => type === "subscribe").at(-1)).toMatchObject({
    jobs: ["a"],
    after: { a: 1 },
  });
  expect(renewed.connection.getSnapshot()).toMatchObject({
    status: "live",
    metrics: { reconnects: 0 },
  });
  expect(JSON.stringify(lines)).not.toContain("secret");
  renewed.close();
});

it("goes on where a token cannot be had for a while", async () => {
  world.add({ id: "a" });
  let broken = false;
  const errors: unknown[] = [];
  const seqs: number[] = [];
  const patient = new Milepost({
    baseUrl: "http://server.test",
    fetch: world.fetch,
    webSocket: world.webSocket,
    clock,
    getToken: () => {
      if (broken) throw new Error("of the page");
      return "secret";
    },
  });
  patient.watch("a", {
    onProgress: (job) => seqs.push(job.seq),
    onError: (error) => errors.push(error),
  });
  await clock.advance(100);
  broken = true;
  world.say({ type: "error", code: "unauthenticated", message: "It has expired." });
  await clock.advance(100);
  expect(patient.connection.getSnapshot().status).toBe("live");
  world.cut(4401);
  await clock.advance(0);
  expect(patient.connection.getSnapshot()).toMatchObject({
    status: "retrying",
    error: { retryable: true },
  });
  world.move("a", { status: "running" });
  broken = false;
  await clock.advance(60_000);
  expect(patient.connection.getSnapshot().status).toBe("live");
  expect(seqs).toEqual([1, 2]);
  expect(errors).toEqual([]);
  patient.close();
});

it("begins anew with a job that a restored server knows less of", async () => {
  world.add({ id: "a", seq: 9 });
  const live = client.live("a");
  live.subscribe(() => undefined);
  await clock.advance(100);
  expect(live.getSnapshot().job?.seq).toBe(9);
  world.add({ id: "a", seq: 3 });
  expect(live.getSnapshot().job?.seq).toBe(9);
  world.say({ type: "error", code: "conflict", message: "beyond the log", job: "a" });
  await clock.advance(100);
  expect(live.getSnapshot().job?.seq).toBe(3);
  expect(client.connection.getSnapshot().metrics.gaps).toBe(1);
});
