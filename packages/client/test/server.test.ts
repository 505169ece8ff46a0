// The client against the real server, with real documents, over each transport.

import { openAsBlob } from "node:fs";
import { resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import WebSocket from "ws";
import { type Job, Milepost, MilepostError, type TransportName } from "../src/index.js";
import { type Server, startServer } from "./support/server.js";

const fixture = (name: string) => openAsBlob(resolve("../../fixtures", name));
const webSocket = WebSocket;

let server: Server;

beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server.remove());

function clientOver(...transports: TransportName[]) {
  return new Milepost({
    baseUrl: server.url,
    webSocket,
    transports,
    backoff: { initial: 50, max: 200 },
  });
}

async function submitLong(client: Milepost) {
  const file = await fixture("long.pdf");
  return client.submit({ file, filename: "long.pdf" }, { force: true });
}

describe.each<TransportName>(["websocket", "sse", "poll"])("over %s", (transport) => {
  it("watches a job to its end, in order, the end last", async () => {
    const client = clientOver(transport);
    const { id } = await submitLong(client);
    const seen: Job[] = [];
    for await (const job of client.watch(id)) seen.push(job);
    expect(seen.length).toBeGreaterThan(1);
    expect(seen.map((job) => job.seq)).toEqual(
      [...new Set(seen.map((job) => job.seq))].sort((a, b) => a - b),
    );
    expect(seen.map((job) => job.status).filter((status) => status === "completed")).toHaveLength(
      1,
    );
    expect(seen.at(-1)?.status).toBe("completed");
    expect(client.connection.getSnapshot().transport).toBe(transport);
    client.close();
  });

  it("shows what has ended to every later watch", async () => {
    const client = clientOver(transport);
    const { id } = await client.submit("# Ended", { force: true });
    for (let times = 0; times < 3; times++) {
      const seen: Job[] = [];
      for await (const job of client.watch(id)) seen.push(job);
      expect(seen.at(-1)?.status).toBe("completed");
    }
    // Beside others, too: what it was forgotten with is still open.
    const mine = client.watch({ mine: true });
    await client.watch(id).ended;
    mine.close();
    client.close();
  });

  it("goes on over a crash of the server", async () => {
    const client = clientOver(transport);
    const { id } = await submitLong(client);
    const seqs: number[] = [];
    let crash: Promise<void> | undefined;
    for await (const job of client.watch(id)) {
      seqs.push(job.seq);
      if (job.status === "running") {
        crash ??= server.stop("SIGKILL").then(() => server.start());
      }
    }
    await crash;
    expect(crash).toBeDefined();
    expect(seqs).toEqual([...new Set(seqs)].sort((a, b) => a - b));
    expect((await client.job(id)).status).toBe("completed");
    client.close();
  });

  it("tells apart a cancel, a failure and a job that is not there", async () => {
    const client = clientOver(transport);
    const heard: string[] = [];
    const held = await client.submit("# Held", { hold: true });
    const damaged = await client.submit({
      file: await fixture("truncated.pdf"),
      filename: "truncated.pdf",
    });
    const missing = "01a21eea-b2e0-74d5-ba70-f712ab9f1c99";
    const watch = client.watch([held.id, damaged.id, missing], {
      onCancelled: (job) => heard.push(`cancelled ${job.id}`),
      onError: (error, job) => heard.push(`${error.code} ${job?.id}`),
    });
    await client.cancel(held.id);
    await watch.ended;
    expect(heard.sort()).toEqual(
      [`cancelled ${held.id}`, `document_damaged ${damaged.id}`, "not_found undefined"].sort(),
    );
    client.close();
  });

  it("shows a retry to whoever follows the job", async () => {
    const client = clientOver(transport);
    const { id } = await client.submit("# Again", { hold: true });
    const live = client.live(id);
    const until = (attempt: number, status: string) =>
      new Promise<void>((done) => {
        const look = () => {
          const { job } = live.getSnapshot();
          if (job?.attempt === attempt && job.status === status) {
            stop();
            done();
          }
        };
        const stop = live.subscribe(look);
      });
    const cancelled = until(1, "cancelled");
    await client.cancel(id);
    await cancelled;
    const again = client.watch(id);
    await again.ended;
    client.close();
  });

  it.each(["batch", "document"] as const)(
    "ends a watch of a %s that is not there",
    async (kind) => {
      const client = clientOver(transport);
      const heard: string[] = [];
      const id = "01a21eea-b2e0-74d5-ba70-f712ab9f1c99";
      const target = kind === "batch" ? { batch: id } : { document: id };
      await client.watch(target, { onError: (error) => heard.push(error.code) }).ended;
      expect(heard).toEqual(["not_found"]);
      client.close();
    },
  );

  it("watches several hundred jobs at once, and those over a document", async () => {
    const client = clientOver(transport);
    const texts = Array.from({ length: 320 }, (_, index) => `# Number ${index}`);
    // What was converted before ends all at once.
    await client.submitAll(texts);
    const { jobs } = await client.submitAll(texts, { force: transport === "sse" });
    const document = jobs[0]?.document?.id ?? "";
    const over = client.watch({ document });
    const ended = new Set<string>();
    await client.watch(
      jobs.map(({ id }) => id),
      { onComplete: ({ id }) => ended.add(id) },
    ).ended;
    expect(ended.size).toBe(320);
    over.close();
    client.close();
  });

  it("watches all of one's own jobs and those of a batch", async () => {
    const client = clientOver(transport);
    const mine = new Map<string, string>();
    const watch = client.watch(
      { mine: true },
      { onProgress: (job) => mine.set(job.id, job.status) },
    );
    const { batch, jobs } = await client.submitAll([
      "# One",
      { file: await fixture("notes.md"), filename: "notes.md" },
      { text: "# Three", filename: "three.md" },
    ]);
    expect(jobs.map((job) => job.document?.filename)).toEqual([
      "document.txt",
      "notes.md",
      "three.md",
    ]);
    expect(new Set(jobs.map((job) => job.batch))).toEqual(new Set([batch.id]));
    const ended = new Set<string>();
    const all = client.watch(
      { batch: batch.id },
      {
        onComplete(job) {
          ended.add(job.id);
          if (ended.size === jobs.length) all.close();
        },
      },
    );
    await all.ended;
    await expect
      .poll(() => jobs.map((job) => mine.get(job.id)))
      .toEqual(Array(3).fill("completed"));
    watch.close();
    client.close();
  });
});

it("moves from one transport to the next without losing or repeating a snapshot", async () => {
  class Blocked {
    readonly readyState = 3;
    onclose: ((event: { code: number; reason: string }) => void) | undefined;
    constructor() {
      queueMicrotask(() => this.onclose?.({ code: 1006, reason: "" }));
    }
    close() {}
  }
  const client = new Milepost({
    baseUrl: server.url,
    webSocket: Blocked as unknown as typeof globalThis.WebSocket,
    backoff: { initial: 1, max: 5 },
  });
  const { id } = await submitLong(client);
  const seqs: number[] = [];
  for await (const job of client.watch(id)) seqs.push(job.seq);
  expect(seqs).toEqual([...new Set(seqs)].sort((a, b) => a - b));
  expect(client.connection.getSnapshot()).toMatchObject({ status: "live", transport: "sse" });
  client.close();
});

it("keeps a list up to date", async () => {
  const client = clientOver("sse");
  const { batch } = await client.submitAll(["# One", "# Two"]);
  const list = client.liveJobs({ batch: batch.id, status: "completed" });
  const stop = list.subscribe(() => undefined);
  await expect.poll(() => list.getSnapshot().jobs.length).toBe(2);
  stop();
  client.close();
});

it("reads results, pages, events and documents", async () => {
  const client = clientOver("sse");
  const file = await fixture("report.pdf");
  const { id, document, access } = await client.submit(
    { file, filename: "report.pdf" },
    { wait: 30 },
  );
  await client.watch(id).ended;
  expect(await client.result(id)).toContain("#");
  expect(JSON.parse(await client.result(id, { format: "json" }))).toHaveProperty("schema_name");
  expect((await client.pages(id)).items[0]?.page).toBe(1);
  expect(await client.page(id, 1)).not.toBe("");
  expect((await client.events(id, { limit: 1 })).items[0]?.type).toBe("submitted");
  expect((await client.stats()).jobs.completed).toBeGreaterThan(0);
  expect(client.resultUrl(id, "html")).toBe(`${server.url}/v1/jobs/${id}/result?format=html`);
  expect((await client.share(id, { expiresIn: 60 })).token).not.toBe(access?.token);
  await client.unshare(id);
  expect((await client.jobs({ q: "report", status: ["completed"] })).items.length).toBeGreaterThan(
    0,
  );
  await client.remove(id);
  await expect(client.job(id)).rejects.toMatchObject({ code: "not_found", status: 404 });
  expect((await client.documents.content(document?.id ?? "")).size).toBe(file.size);
  const stored = await client.documents.upload({ file, filename: "again.pdf" });
  expect((await client.documents.get(stored.id)).filename).toBe("again.pdf");
  const held = await client.submit({ document: stored.id }, { hold: true });
  expect((await client.confirm(held.id)).status).toBe("queued");
  await client.watch(held.id).ended;
  client.close();
});

it("makes one job of a submission that is sent twice", async () => {
  const client = clientOver("sse");
  const options = { idempotencyKey: "once" };
  const [first, second] = [
    await client.submit("# Once", options),
    await client.submit("# Once", options),
  ];
  expect(second.id).toBe(first.id);
  client.close();
});

it("puts documents into a collection, and finds them", async () => {
  const client = clientOver("poll");
  const name = "roads & rails/1";
  expect(await client.collections.put(name, { chunker: { max: 500 } })).toMatchObject({ name });
  const file = new File(["# The lake\n\nThe road ends at the lake."], "lake.md");
  const { id } = await client.ingest(
    [file, { source: { text: "The train is late." }, key: "train", metadata: { year: 1900 } }],
    { collection: name },
  );
  await client.watch(id).ended;
  expect(await client.job(id)).toMatchObject({ status: "completed", collection: name });
  const { items } = await client.collections.documents(name);
  expect(items.map(({ key }) => key).sort()).toEqual(["lake.md", "train"]);
  const [hit] = (await client.search(name, "lake")).hits;
  expect(hit).toMatchObject({ collection: name, document: { filename: "lake.md" } });
  expect(hit?.highlight).toContain("<mark>");
  const late = await client.search(name, "late", { filter: { "metadata.year": { gte: 1900 } } });
  expect(late.hits).toHaveLength(1);
  expect((await client.searchAll("lake", { collections: [name], k: 1 })).hits).toHaveLength(1);
  const { id: entry } = items.find(({ key }) => key === "lake.md") ?? { id: "" };
  const again = await client.collections.replaceDocument(name, entry, "The boat left.");
  await client.watch(again.id).ended;
  expect((await client.search(name, "lake")).hits).toEqual([]);
  expect((await client.search(name, "boat")).hits).toHaveLength(1);
  await client.collections.remove(name);
  await expect(client.search(name, "boat")).rejects.toMatchObject({ status: 404 });
  client.close();
});

it("tells what a refusal is about", async () => {
  const client = clientOver("sse");
  const refused = client.submit("# X", { options: { pages: "0" } });
  await expect(refused).rejects.toBeInstanceOf(MilepostError);
  await expect(refused).rejects.toMatchObject({
    code: "invalid_field",
    field: "options.pages",
    retryable: false,
  });
  client.close();
  await expect(client.jobs()).rejects.toMatchObject({ code: "closed" });
});
