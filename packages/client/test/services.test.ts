// The services of other systems' pages against the real server's dialects.

import { afterAll, beforeAll, expect, it } from "vitest";
import WebSocket from "ws";
import {
  type ConnectionStatus,
  type ConversionStatus,
  ConversionWebSocket,
} from "../src/legacy/conversion-websocket.js";
import { type ConversionMessage, createDocumentService } from "../src/legacy/document-service.js";
import { connectToUpload, startUpload, type UploadProgress } from "../src/legacy/start-upload.js";
import { settle, testClock } from "./support/clock.js";
import { type Server, startServer } from "./support/server.js";

let server: Server;
const service = () => ({
  baseUrl: server.url,
  webSocket: WebSocket as unknown as typeof globalThis.WebSocket,
});

beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server.remove());

async function convert() {
  const body = new FormData();
  body.append("file", new Blob([`# Title ${Math.random()}`]), "notes.md");
  const answer = await fetch(`${server.url}/api/v1/conversions`, { method: "POST", body });
  return ((await answer.json()) as { job_id: string }).job_id;
}

it("documentService converts a file and follows it", async () => {
  const body = new FormData();
  body.append("file", new Blob(["# Title"]), "document.md");
  await fetch(`${server.url}/upload`, { method: "POST", body });
  const documents = createDocumentService(service());
  const accepted = await documents.convertDocument("document.md");
  expect(accepted).toMatchObject({ status: "accepted", filename: "document.md" });
  const last = await new Promise<ConversionMessage>((done, fail) => {
    const socket = documents.connectToConversionProgress(
      accepted.conversion_id,
      (message) => {
        if (message.status !== "completed") return;
        socket.close();
        done(message);
      },
      fail,
    );
  });
  expect(last).toMatchObject({ id: accepted.conversion_id, progress: 100 });
  expect((await documents.getConversionStatus(accepted.conversion_id)).status).toBe("completed");
});

it("documentService says what is not there", async () => {
  const documents = createDocumentService(service());
  await expect(documents.convertDocument("none.pdf")).rejects.toMatchObject({
    status: 404,
    message: expect.stringContaining("none.pdf"),
  });
  const error = await new Promise((done) => {
    documents.connectToConversionProgress(
      "01a21eea-b2e0-74d5-ba70-f712ab9f1c99",
      () => undefined,
      done,
    );
  });
  expect(error).toMatchObject({ code: "network" });
});

it("startUpload shows its states in order, up to the last", async () => {
  const { upload_id, status } = await startUpload(
    { collection_name: "notes", documents: [{ content: "It rains.", source: "diary" }] },
    service(),
  );
  expect(status).toBe("received");
  const states: string[] = [];
  await new Promise<void>((done, fail) => {
    const hear = (progress: UploadProgress) => {
      states.push(progress.status);
      if (progress.status === "completed") done();
    };
    connectToUpload(upload_id, hear, fail, service());
  });
  // A socket that opens late has missed the first ones.
  const order = ["received", "extracting", "chunking", "enriching", "indexing", "completed"];
  const places = states.map((state) => order.indexOf(state));
  expect(places).toEqual([...places].sort((a, b) => a - b));
  expect(places).not.toContain(-1);
  expect(states.at(-1)).toBe("completed");
});

it("ConversionWebSocket follows a conversion and ends with it", async () => {
  const socket = new ConversionWebSocket(await convert(), service());
  const connection: ConnectionStatus[] = [];
  socket.onStatus((status) => connection.push(status));
  const last = await new Promise<ConversionStatus>((done) => {
    socket.onMessage((status) => {
      if (status.status === "completed") done(status);
    });
    socket.connect();
  });
  expect(last.progress).toBe(100);
  expect(connection).toEqual(["connecting", "connected", "disconnected"]);
});

it("ConversionWebSocket polls behind five more attempts, 1 s doubling", async () => {
  const clock = testClock();
  const began: number[] = [];
  class Blocked {
    onclose: ((event: { code: number }) => void) | undefined;
    constructor() {
      began.push(clock.now());
      queueMicrotask(() => this.onclose?.({ code: 1006 }));
    }
    close() {}
  }
  let polls = 0;
  const state = (status: string) => ({
    job_id: "a",
    status,
    progress: 0,
    message: "",
    created_at: "",
  });
  const socket = new ConversionWebSocket("a", {
    baseUrl: "http://server.test",
    webSocket: Blocked as unknown as typeof globalThis.WebSocket,
    fetch: async () => Response.json(state(++polls < 3 ? "processing" : "completed")),
    clock,
  });
  const heard: string[] = [];
  const connection: ConnectionStatus[] = [];
  socket.onMessage(({ status }) => heard.push(status));
  socket.onStatus((status) => connection.push(status));
  socket.connect();
  await clock.advance(31_000);
  expect(began.map((at, index) => at - (began[index - 1] ?? at))).toEqual([
    0, 1_000, 2_000, 4_000, 8_000, 16_000,
  ]);
  expect(socket.usingWebSocket).toBe(false);
  expect(connection.at(-1)).toBe("disconnected");
  await clock.advance(6_000);
  expect(heard).toEqual(["processing", "processing", "completed"]);
  await settle();
  expect(clock.pending()).toBe(0);
});
