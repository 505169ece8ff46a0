// Lists that are kept up to date: their pages and their stream come in any order.

import { expect, it } from "vitest";
import { Milepost } from "../src/index.js";
import { testClock } from "./support/clock.js";
import { makeWorld } from "./support/world.js";

it("has more pages, also where the stream was quicker than the first one", async () => {
  const clock = testClock();
  const world = makeWorld(clock);
  const ids = ["job-1", "job-2", "job-3", "job-4", "job-5"];
  for (const id of ids) world.add({ id });
  let letThrough = () => {};
  const held = new Promise<void>((resolve) => {
    letThrough = resolve;
  });
  const fetchInPages: typeof fetch = async (input, init) => {
    const { pathname, searchParams } = new URL(String(input));
    const answer = await world.fetch(input, init);
    if (pathname !== "/v1/jobs") return answer;
    await held;
    const { items } = await (await world.fetch("http://server.test/v1/jobs")).json();
    const from = Number(searchParams.get("cursor") ?? 0);
    const next = from + 2 < items.length ? String(from + 2) : null;
    return Response.json({ items: items.slice(from, from + 2), next });
  };
  const client = new Milepost({
    baseUrl: "http://server.test",
    fetch: fetchInPages,
    webSocket: world.webSocket,
    clock,
  });
  const list = client.liveJobs({ limit: 2 });
  const shown = () => list.getSnapshot().jobs.map(({ id }) => id);
  const stop = list.subscribe(() => undefined);
  await clock.advance(1_000);
  expect(shown()).toHaveLength(5);

  letThrough();
  await clock.advance(1_000);
  expect(shown()).toEqual(["job-5", "job-4"]);
  expect(list.getSnapshot().hasMore).toBe(true);

  for (const expected of [4, 5]) {
    await list.getSnapshot().loadMore();
    expect(shown()).toHaveLength(expected);
  }
  expect(list.getSnapshot().hasMore).toBe(false);
  stop();
  client.close();
});

it("is asked for again by itself where it could not be had", async () => {
  const clock = testClock();
  const world = makeWorld(clock);
  world.add({ id: "job-1", status: "completed" });
  let broken = true;
  const client = new Milepost({
    baseUrl: "http://server.test",
    fetch: async (input, init) =>
      broken ? new Response("", { status: 502 }) : world.fetch(input, init),
    webSocket: world.webSocket,
    clock,
  });
  const list = client.liveJobs();
  const stop = list.subscribe(() => undefined);
  await clock.advance(4_000);
  expect(list.getSnapshot()).toMatchObject({ jobs: [], error: { status: 502 } });
  broken = false;
  await clock.advance(6_000);
  expect(list.getSnapshot()).toMatchObject({ jobs: [{ id: "job-1" }], error: undefined });
  stop();
  client.close();
});

it("goes back with a server that was restored, and on from there", async () => {
  const clock = testClock();
  const world = makeWorld(clock);
  const ids = ["job-1", "job-2"];
  for (const id of ids) world.add({ id });
  const client = new Milepost({
    baseUrl: "http://server.test",
    fetch: world.fetch,
    webSocket: world.webSocket,
    clock,
  });
  const list = client.liveJobs();
  const waiting = client.liveJobs({ status: "queued" });
  const stops = [list, waiting].map((one) => one.subscribe(() => undefined));
  await clock.advance(1_000);
  for (const id of ids) world.move(id, { status: "running" });
  for (const id of ids) world.move(id, { status: "cancelled" });
  await clock.advance(1_000);
  const shown = () => list.getSnapshot().jobs.map(({ seq, status }) => `${status} ${seq}`);
  expect(shown()).toEqual(["cancelled 3", "cancelled 3"]);
  expect(waiting.getSnapshot().jobs).toEqual([]);

  world.cut();
  for (const id of ids) world.add({ id });
  await clock.advance(5_000);
  expect(shown()).toEqual(["queued 1", "queued 1"]);
  expect(waiting.getSnapshot().jobs).toHaveLength(2);
  for (const id of ids) world.move(id, { status: "running" });
  await clock.advance(1_000);
  expect(shown()).toEqual(["running 2", "running 2"]);
  expect(waiting.getSnapshot().jobs).toEqual([]);
  for (const stop of stops) stop();
  client.close();
});

it("does not go back with an old answer that was kept", async () => {
  const clock = testClock();
  const world = makeWorld(clock);
  const old = world.add({ id: "job-1" });
  let offline = false;
  const client = new Milepost({
    baseUrl: "http://server.test",
    fetch: async (input, init) =>
      offline && new URL(String(input)).pathname === "/v1/jobs"
        ? Response.json({ items: [old], next: null })
        : world.fetch(input, init),
    webSocket: world.webSocket,
    clock,
  });
  const list = client.liveJobs();
  const stop = list.subscribe(() => undefined);
  await clock.advance(1_000);
  world.move("job-1", { status: "completed" });
  await clock.advance(1_000);
  offline = true;
  await list.getSnapshot().refresh();
  world.cut();
  await clock.advance(5_000);
  expect(client.connection.getSnapshot().status).toBe("live");
  expect(list.getSnapshot().jobs).toMatchObject([{ status: "completed", seq: 2 }]);
  stop();
  client.close();
});
