// The server's own messages, as its tests write them down: all are understood, and
// lead to the same end over each transport.

import { readdirSync, readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { type Job, Milepost, type TransportName } from "../src/index.js";
import { eventReader } from "../src/live/events.js";
import { Hub } from "../src/live/hub.js";
import { jobOf, messageOf, parse } from "../src/live/messages.js";
import { testClock } from "./support/clock.js";
import { makeWorld } from "./support/world.js";

const FOLDER = "../../fixtures/wire";
const files = readdirSync(FOLDER).filter((name) => name.endsWith(".json"));
const messagesOf = (file: string): unknown[] =>
  JSON.parse(readFileSync(`${FOLDER}/${file}`, "utf8"));

/** The jobs that a file is about. */
const jobsOf = (file: string): Job[] =>
  messagesOf(file).flatMap((value) => {
    const message = messageOf(value);
    return message?.type === "snapshot" ? [message.job] : [];
  });

it.each(files)("%s is understood", (file) => {
  for (const message of messagesOf(file)) {
    expect(messageOf(parse(JSON.stringify(message)))).toEqual(message);
  }
});

it.each(files)("%s leads to its last snapshots, each newer one once", (file) => {
  const hub = new Hub();
  const heard: Job[] = [];
  const removed: string[] = [];
  hub.add({
    topics: ["mine"],
    receive(update) {
      if (update.type === "snapshot") heard.push(update.job);
      if (update.type === "removed") removed.push(update.id);
    },
    ended: () => undefined,
  });
  const twice = messagesOf(file).flatMap((value) => [value, value]);
  for (const value of twice) {
    const message = messageOf(value);
    if (message?.type === "snapshot" || message?.type === "queue" || message?.type === "removed") {
      hub.receive(message);
    }
  }
  expect(heard).toEqual(jobsOf(file));
  expect(new Set(removed)).toEqual(
    new Set(
      messagesOf(file).flatMap((value) => {
        const message = messageOf(value);
        return message?.type === "removed" ? [message.job] : [];
      }),
    ),
  );
});

const lives = files.filter((file) => jobsOf(file).length > 0);
const transports: TransportName[] = ["websocket", "sse", "poll"];

it.each(lives.flatMap((file) => transports.map((transport) => [file, transport] as const)))(
  "%s over %s ends the same",
  async (file, transport) => {
    const clock = testClock();
    const world = makeWorld(clock);
    const client = new Milepost({
      baseUrl: "http://server.test",
      fetch: world.fetch,
      webSocket: world.webSocket,
      transports: [transport],
      clock,
    });
    const snapshots = jobsOf(file);
    const last = new Map(snapshots.map((job) => [job.id, job]));
    const lists = [...last.keys()].map((id) => {
      const live = client.live(id);
      live.subscribe(() => undefined);
      return live;
    });
    for (const id of last.keys()) world.add({ ...snapshots.find((job) => job.id === id), id });
    for (const job of snapshots) {
      await clock.advance(4_000);
      if (job.seq > 1) world.move(job.id, job);
    }
    await clock.advance(10_000);
    expect(lists.map((live) => live.getSnapshot().job)).toEqual([...last.values()]);
    client.close();
  },
);

it("passes over what is not understood", () => {
  const [job] = jobsOf("pages.json");
  if (!job) throw new Error("no job");
  const broken: unknown[] = [
    null,
    7,
    [],
    { ...job, id: 7 },
    { ...job, seq: 1.5 },
    { ...job, seq: "2" },
    { ...job, status: "paused" },
    { ...job, progress: null },
    { ...job, stages: [{ name: 1 }] },
    { ...job, document: "report.pdf" },
    { ...job, error: {} },
  ];
  for (const value of broken) expect(jobOf(value)).toBeUndefined();
  for (const text of [
    "",
    "{",
    '{"type":"news"}',
    '{"type":"snapshot"}',
    '{"type":"queue","job":1}',
  ]) {
    expect(messageOf(parse(text))).toBeUndefined();
  }
  expect(parse(`"${"x".repeat(5_000_000)}"`)).toBeUndefined();
});

it("reads events however they are cut", () => {
  const text =
    "retry: 1000\n\nid: 7\n\n: hello\n\nid: 8\nevent: snapshot\ndata: {\ndata: }\r\n\r\nevent: queue\rdata: 1\r\r";
  const whole = [
    { name: "message", data: "", id: "7" },
    { name: "snapshot", data: "{\n}", id: "8" },
  ];
  for (let size = 1; size <= text.length; size++) {
    const events: unknown[] = [];
    const read = eventReader((event) => events.push(event));
    for (let at = 0; at < text.length; at += size) read(text.slice(at, at + size));
    expect(events.slice(0, 2)).toEqual(whole);
  }
});
