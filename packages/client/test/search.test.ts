// Collections and searches: what goes to the server.

import { beforeEach, describe, expect, it } from "vitest";
import { Milepost } from "../src/index.js";
import { testClock } from "./support/clock.js";

interface Sent {
  readonly line: string;
  readonly body: unknown;
  readonly headers: Headers;
}

let sent: Sent[];

beforeEach(() => {
  sent = [];
});

function client() {
  return new Milepost({
    baseUrl: "http://server.test",
    clock: testClock(),
    async fetch(url, init = {}) {
      const line = `${init.method ?? "GET"} ${String(url).replace("http://server.test", "")}`;
      const body = typeof init.body === "string" ? JSON.parse(init.body) : init.body;
      sent.push({ line, body, headers: new Headers(init.headers) });
      return Response.json({ id: `a${sent.length}`, items: [], hits: [] });
    },
  });
}

describe("collections", () => {
  it("are named in the path, whatever they are called", async () => {
    const { collections } = client();
    await collections.list({ limit: 5, cursor: "c" });
    await collections.get("a/b");
    await collections.put("papers", { embedder: null, chunker: { max: 800 } });
    await collections.remove("papers");
    await collections.documents("papers", { limit: 2 });
    await collections.document("papers", "d1");
    await collections.removeDocument("papers", "d/1");
    expect(sent.map(({ line }) => line)).toEqual([
      "GET /v1/collections?limit=5&cursor=c",
      "GET /v1/collections/a%2Fb",
      "PUT /v1/collections/papers",
      "DELETE /v1/collections/papers",
      "GET /v1/collections/papers/documents?limit=2",
      "GET /v1/collections/papers/documents/d1",
      "DELETE /v1/collections/papers/documents/d%2F1",
    ]);
    expect(sent[2]?.body).toEqual({ embedder: null, chunker: { max: 800 } });
  });

  it("replace a document by a PUT of what a submission sends", async () => {
    const file = new File(["# Two"], "two.md");
    await client().collections.replaceDocument("papers", "d1", file, { wait: 5 });
    await client().collections.replaceDocument("papers", "d1", "# Three");
    expect(sent.map(({ line }) => line)).toEqual(
      Array(2).fill("PUT /v1/collections/papers/documents/d1"),
    );
    const [form] = sent;
    expect((form?.body as FormData | undefined)?.get("file")).toMatchObject({ name: "two.md" });
    expect(sent[0]?.headers.get("prefer")).toBe("wait=5");
    expect(sent[1]?.body).toEqual({ source: { text: "# Three" } });
  });
});

describe("searches", () => {
  it("of one collection send the question and how", async () => {
    const filter = { language: "en", "metadata.year": { gte: 1900 } };
    await client().search("papers", "how far?", { k: 3, mode: "hybrid", filter, rerank: true });
    expect(sent[0]).toMatchObject({
      line: "POST /v1/collections/papers/search",
      body: { query: "how far?", k: 3, mode: "hybrid", filter, rerank: true },
    });
  });

  it("of several collections name each", async () => {
    await client().searchAll("a & b", { k: 3, rerank: true, collections: ["one", "two"] });
    await client().searchAll("all");
    expect(sent.map(({ line }) => line)).toEqual([
      "GET /v1/search?q=a+%26+b&k=3&rerank=true&collection=one&collection=two",
      "GET /v1/search?q=all",
    ]);
  });

  it("can be given up", async () => {
    const abort = new AbortController();
    abort.abort();
    await expect(client().search("papers", "x", { signal: abort.signal })).rejects.toMatchObject({
      code: "aborted",
    });
    expect(sent).toEqual([]);
  });
});

describe("what is put into a collection", () => {
  it("goes with one submission, as JSON and as a form", async () => {
    const options = { pipeline: "ingest", collection: "papers" };
    await client().submit("# One", options);
    await client().submit(new File(["# Two"], "two.md"), options);
    expect(sent[0]?.body).toEqual({ ...options, source: { text: "# One" } });
    const form = sent[1]?.body as FormData | undefined;
    expect(form?.get("collection")).toBe("papers");
  });

  it("is one job of many sources, of which files are stored first", async () => {
    const told: [number, number][] = [];
    await client().ingest(
      [
        new File(["12345"], "a.pdf"),
        { source: { text: "b", filename: "b.md" }, key: "b", metadata: { year: 1900 } },
        { document: "c" },
        { source: new File(["123"], "d.pdf"), key: "d" },
      ],
      {
        collection: "papers",
        options: { force_recreate: true },
        idempotencyKey: "k",
        onUploadProgress: (now, of) => told.push([now, of]),
      },
    );
    expect(sent.map(({ line }) => line)).toEqual([
      "POST /v1/documents",
      "POST /v1/documents",
      "POST /v1/jobs",
    ]);
    expect(sent[2]?.body).toEqual({
      pipeline: "ingest",
      collection: "papers",
      options: { force_recreate: true },
      sources: [
        { document: "a1" },
        { text: "b", filename: "b.md", key: "b", metadata: { year: 1900 } },
        { document: "c" },
        { document: "a2", key: "d" },
      ],
    });
    const keys = sent.map(({ headers }) => headers.get("idempotency-key"));
    expect(keys).toEqual(["k-0", "k-3", "k"]);
    expect(told).toEqual([
      [5, 8],
      [8, 8],
    ]);
  });

  it("is something", async () => {
    await expect(client().ingest([])).rejects.toMatchObject({ code: "invalid_request" });
    // @ts-expect-error: a number is no document
    await expect(client().ingest([7])).rejects.toMatchObject({ code: "invalid_request" });
    expect(sent).toEqual([]);
  });
});
