import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { screen, waitFor } from "@testing-library/react";
import type { ReactNode } from "react";
import { expect, onTestFinished, test, vi } from "vitest";
import { type WebSocket, WebSocketServer } from "ws";
import {
  type UseConversionOptions,
  type UseJobWebSocketOptions,
  useConversionSSE,
  useConversionWebSocket,
  useJobWebSocket,
} from "../src/legacy/index.js";
import { completed, Edge, failed, ManualClock } from "./edge.js";
import { after, open } from "./page.js";

function Conversion(options: UseConversionOptions): ReactNode {
  const { connected, progress, error } = useConversionWebSocket(options);
  return (
    <p>
      {connected ? "connected" : "apart"} {progress?.stage} {progress?.processedPages}/
      {progress?.totalPages} {error?.code}
    </p>
  );
}

test("both names are one hook, as the client chooses the transport", () => {
  expect(useConversionSSE).toBe(useConversionWebSocket);
});

test("a document's newest job is followed through its end", async () => {
  const edge = new Edge();
  const { id, document } = edge.add();
  const handlers = { onProgress: vi.fn(), onComplete: vi.fn(), onError: vi.fn() };
  open(<Conversion documentId={document?.id} {...handlers} />, { edge });
  await screen.findByText("connected processing_pages 3/10");
  expect(handlers.onProgress.mock.calls.at(-1)?.[0]).toEqual({
    documentId: document?.id,
    status: "processing",
    stage: "processing_pages",
    progress: 29,
    message: "Converting page 4 of 10",
    estimatedTimeRemaining: 90_000,
    totalPages: 10,
    processedPages: 3,
    retryCount: 0,
  });
  await after(() => edge.change(id, completed()));
  expect(handlers.onComplete.mock.calls).toEqual([[{ success: true, totalPages: 10 }]]);

  const next = edge.add();
  await screen.findByText("connected processing_pages 3/10");
  await after(() => edge.change(id, failed(true)));
  expect(handlers.onError).not.toHaveBeenCalled();
  await after(() => edge.change(next.id, failed(true)));
  expect(handlers.onError.mock.calls).toEqual([
    [{ message: "The converter died.", code: "conversion_crashed", retryable: true }],
  ]);
});

test("what is switched off is not watched", async () => {
  const edge = new Edge();
  const { document } = edge.add();
  open(<Conversion documentId={document?.id} enabled={false} />, { edge });
  await after(() => {});
  expect(edge.sockets.size).toBe(0);
  expect(screen.getByText(/^apart/)).toBeDefined();
});

function Job(options: UseJobWebSocketOptions): ReactNode {
  const { job, connected, error } = useJobWebSocket(options);
  return (
    <p>
      {connected ? "connected" : "apart"} {job?.status} {job?.progress_percent} {error}
    </p>
  );
}

const handlers = () => ({
  onProgress: vi.fn(),
  onComplete: vi.fn(),
  onError: vi.fn(),
  onCancelled: vi.fn(),
});
const calls = ({ onComplete, onError, onCancelled }: ReturnType<typeof handlers>) =>
  [onComplete, onError, onCancelled].map(({ mock }) => mock.calls.length);

test.each([
  ["completed", completed(), [1, 0, 0]],
  ["failed", failed(false), [0, 1, 0]],
  ["cancelled", { status: "cancelled" }, [0, 0, 1]],
] as const)("a job that is %s is told apart", async (word, fields, expected) => {
  const edge = new Edge();
  const clock = new ManualClock();
  const { id } = edge.add();
  const told = handlers();
  open(<Job jobId={id} {...told} />, { edge, client: edge.client({ clock }) });
  await screen.findByText("connected processing 29");
  await after(() => edge.change(id, fields));
  expect(screen.getByText(new RegExp(`^apart ${word}`))).toBeDefined();
  expect(calls(told)).toEqual(expected);
  await after(() => clock.advance(2000));
  expect(edge.watchers(id)).toBe(0);
});

test("a job that is not there is an error", async () => {
  open(<Job jobId="01a1f912-0000-7000-8000-00000000dead" />);
  expect(await screen.findByText(/There is no such job/)).toBeDefined();
});

/** As much of a Socket.IO server as one room takes. */
async function roomServer() {
  const http = createServer();
  const sockets = new WebSocketServer({ server: http, path: "/socket.io/" });
  const heard: string[] = [];
  const open = new Set<WebSocket>();
  const opening = {
    sid: "s",
    upgrades: [],
    pingInterval: 25_000,
    pingTimeout: 20_000,
    maxPayload: 1e6,
  };
  sockets.on("connection", (socket) => {
    open.add(socket);
    socket.send(`0${JSON.stringify(opening)}`);
    socket.on("close", () => open.delete(socket));
    socket.on("message", (data) => {
      const packet = String(data);
      if (packet.startsWith("40")) socket.send('40{"sid":"n"}');
      if (packet.startsWith("4")) heard.push(packet);
    });
  });
  await new Promise<void>((ready) => http.listen(0, "127.0.0.1", ready));
  onTestFinished(() => {
    for (const socket of open) socket.terminate();
    http.close();
  });
  const { port } = http.address() as AddressInfo;
  const emit = (event: string, data: unknown) => {
    for (const socket of open) socket.send(`42${JSON.stringify([event, data])}`);
  };
  const dismiss = () => {
    for (const socket of open) socket.send("41");
  };
  return { url: `http://127.0.0.1:${port}`, heard, open, emit, dismiss };
}

const progress = (percent: number, fields = {}) => ({
  id: 7,
  status: "processing",
  progress_percent: percent,
  ...fields,
});

test("a room is joined with a token, and left at the end of its job", async () => {
  const server = await roomServer();
  const told = handlers();
  open(<Job jobId={7} transport="socket.io" url={server.url} token="t" {...told} />);
  await waitFor(() => expect(server.heard).toContain('42["join_job",{"job_id":7}]'));
  expect(server.heard[0]).toBe('40{"token":"t"}');
  server.emit("job_progress", progress(40));
  server.emit("job_progress", { ...progress(90), id: 8 });
  server.emit("job_progress", { nonsense: true });
  await screen.findByText("connected processing 40");
  server.emit("job_progress", progress(100, { status: "completed" }));
  await screen.findByText("apart completed 100");
  expect(calls(told)).toEqual([1, 0, 0]);
  await waitFor(() => expect(server.open.size).toBe(0));
  expect(server.heard.at(-2)).toBe('42["leave_job",{"job_id":7}]');
});

test("a room is left with its component, and a refusal is told", async () => {
  const server = await roomServer();
  const page = open(<Job jobId="9" transport="socket.io" url={server.url} />);
  await waitFor(() => expect(server.heard).toContain('42["join_job",{"job_id":"9"}]'));
  server.emit("error", { message: "Job 9 not found" });
  await screen.findByText(/Job 9 not found/);
  page.show(null);
  await waitFor(() => expect(server.open.size).toBe(0));
  expect(server.heard).toContain('42["leave_job",{"job_id":"9"}]');
});

test("whoever is sent away comes back with another token", async () => {
  const server = await roomServer();
  let token = "first";
  open(<Job jobId={7} transport="socket.io" url={server.url} token={() => token} />);
  await waitFor(() => expect(server.heard).toContain('42["join_job",{"job_id":7}]'));
  token = "second";
  server.dismiss();
  await waitFor(() => expect(server.heard).toContain('40{"token":"second"}'));
  await screen.findByText(/^connected/);
});
