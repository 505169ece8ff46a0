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
