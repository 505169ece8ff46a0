// The surface, as those who use it write it.

import { expectTypeOf, it } from "vitest";
import NodeSocket from "ws";
import {
  type ConnectionState,
  isTerminal,
  type Job,
  type LiveJob,
  Milepost,
  type MilepostError,
  type Readable,
  type SearchAnswer,
  type Stage,
  type Status,
  type SubmittedJob,
  type Terminal,
  type Watch,
} from "../src/index.js";
import type { UploadProgress } from "../src/legacy/start-upload.js";

const client = new Milepost();

it("submits what there is to submit", () => {
  expectTypeOf(client.submit("# Text")).resolves.toEqualTypeOf<SubmittedJob>();
  expectTypeOf(client.submit(new File([], "a.pdf"))).resolves.toExtend<Job>();
  // @ts-expect-error: a number is no document
  client.submit(7);
  // @ts-expect-error: no such format
  client.submit("", { options: { formats: ["pdf"] } });
});

it("watches every kind of target", () => {
  expectTypeOf(client.watch("id")).toEqualTypeOf<Watch>();
  client.watch(["a", "b"]);
  client.watch({ mine: true });
  client.watch({ batch: "b" });
  client.watch(
    { document: "d" },
    { onStage: (stage) => expectTypeOf(stage).toEqualTypeOf<Stage>() },
  );
  client.watch("id", {
    onError: (error, job) => {
      expectTypeOf(error).toEqualTypeOf<MilepostError>();
      expectTypeOf(job).toEqualTypeOf<Job | undefined>();
    },
  });
  // @ts-expect-error: not mine is nobody's
  client.watch({ mine: false });
  expectTypeOf<Watch>().toExtend<AsyncIterable<Job>>();
});

it("is what useSyncExternalStore takes", () => {
  expectTypeOf(client.live("id")).toEqualTypeOf<Readable<LiveJob>>();
  expectTypeOf(client.connection).toExtend<Readable<ConnectionState>>();
  expectTypeOf(client.connection.retryNow).returns.toBeVoid();
});

it("searches, and is held to what can be asked", () => {
  expectTypeOf(client.search("papers", "how far?")).resolves.toEqualTypeOf<SearchAnswer>();
  client.search("papers", "q", { filter: { language: { in: ["en", "fr"] }, page: { lte: 9 } } });
  client.searchAll("q", { collections: ["papers"], mode: "hybrid" });
  client.ingest([new File([], "a.pdf"), { source: { document: "d" }, key: "k" }], {
    collection: "papers",
    options: { chunker: { kind: "hierarchical" }, force_recreate: true },
  });
  // @ts-expect-error: no such mode
  client.search("papers", "q", { mode: "magic" });
  // @ts-expect-error: filters are of one collection
  client.searchAll("q", { filter: { language: "en" } });
  // @ts-expect-error: no such chunker
  client.collections.put("papers", { chunker: { kind: "axe" } });
});

it("narrows a status", () => {
  const status = "running" as Status;
  if (isTerminal(status)) expectTypeOf(status).toEqualTypeOf<Terminal>();
  else expectTypeOf(status).toEqualTypeOf<"awaiting" | "queued" | "running">();
});

it("names the states of an upload", () => {
  expectTypeOf<UploadProgress["status"]>().toExtend<string>();
});

it("takes the sockets of the platform and of the package ws", () => {
  new Milepost({ webSocket: WebSocket });
  new Milepost({ webSocket: NodeSocket });
});
