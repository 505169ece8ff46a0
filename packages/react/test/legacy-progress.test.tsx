import { act, render, screen } from "@testing-library/react";
import { type ReactNode, StrictMode } from "react";
import { expect, test } from "vitest";
import {
  ConnectionStatusIndicator,
  ConversionProgress,
  type ConversionStatus,
  type ProgressContextValue,
  ProgressProvider,
  useProgress,
} from "../src/legacy/index.js";
import { initialProgress, progressReducer } from "../src/legacy/progress-state.js";
import { readProgress, storageKeys } from "../src/legacy/progress-storage.js";
import { completed, Edge, failed, ManualClock } from "./edge.js";
import { accessible, after, open } from "./page.js";

const status = (progress: number): ConversionStatus => ({
  job_id: "j",
  status: "processing",
  progress,
  message: `at ${progress}`,
  created_at: "2026-11-20T13:08:25Z",
});

test("the history has the last fifty", () => {
  let state = initialProgress;
  for (let step = 0; step < 60; step++) {
    state = progressReducer(state, { type: "status", status: status(step) });
  }
  expect(state.history).toHaveLength(50);
  expect(state.history[0]?.progress).toBe(10);
  expect(state.status?.progress).toBe(59);
  state = progressReducer(state, { type: "clear" });
  expect([state.status, state.history.length]).toEqual([null, 50]);
});

test("what was stored by somebody else is not believed", () => {
  const keys = storageKeys("p_", "k");
  localStorage.setItem(keys.status, '{"progress": 900}');
  localStorage.setItem(keys.history, JSON.stringify([status(1), null, { job_id: 5 }]));
  expect(readProgress(localStorage, keys)).toEqual({ status: null, history: [status(1)] });
  localStorage.setItem(keys.status, "no JSON");
  expect(readProgress(localStorage, keys).status).toBeNull();
});

const held: { value?: ProgressContextValue } = {};

function Probe(): ReactNode {
  const value = useProgress();
  held.value = value;
  const { state } = value;
  return (
    <p>
      {state.status?.status ?? "none"} {state.status?.progress} {state.connectionStatus}{" "}
      {state.history.length} {state.connectionError}
    </p>
  );
}

const actions = () => {
  if (held.value === undefined) throw new Error("no provider");
  return held.value.actions;
};
const shown = () => screen.getByText(/connect/).textContent;

test("a job is followed to its end, and no further", async () => {
  const edge = new Edge();
  const clock = new ManualClock();
  const { id } = edge.add();
  const client = edge.client({ clock });
  open(
    <ProgressProvider enablePersistence={false}>
      <Probe />
    </ProgressProvider>,
    { edge, client },
  );
  expect(shown()).toMatch(/^none {2}disconnected 0/);
  await after(() => actions().connectToJob(id));
  await screen.findByText(/processing 29 connected 1/);
  await after(() => edge.change(id, { progress: 50 }));
  expect(shown()).toMatch(/processing 50 connected 2/);
  await after(() => edge.change(id, completed()));
  expect(shown()).toMatch(/completed 100 disconnected 3/);
  await after(() => clock.advance(2000));
  expect(edge.watchers(id)).toBe(0);
});

test("leaving a job ends its watch", async () => {
  const edge = new Edge();
  const clock = new ManualClock();
  const { id } = edge.add();
  open(
    <ProgressProvider enablePersistence={false}>
      <Probe />
    </ProgressProvider>,
    { edge, client: edge.client({ clock }) },
  );
  await after(() => actions().connectToJob(id));
  await screen.findByText(/connected 1/);
  await after(() => actions().disconnectFromJob());
  expect(shown()).toMatch(/disconnected/);
  await after(() => clock.advance(2000));
  expect(edge.watchers(id)).toBe(0);
});

test("status and history come back with the page, under their own names", async () => {
  const provider = (
    <ProgressProvider persistenceKey="mine">
      <Probe />
    </ProgressProvider>
  );
  const page = open(provider);
  act(() => actions().updateStatus(status(42)));
  expect(JSON.parse(localStorage.getItem("modporter_progress_mine") ?? "").progress).toBe(42);
  expect(JSON.parse(localStorage.getItem("modporter_progress_history_mine") ?? "")).toHaveLength(1);
  page.unmount();

  open(provider);
  expect(shown()).toMatch(/processing 42 disconnected 1/);
  act(() => actions().clearStatus());
  expect(localStorage.getItem("modporter_progress_mine")).toBeNull();
});

test("nothing is stored where it is off, and elsewhere under another prefix", () => {
  const page = open(
    <ProgressProvider enablePersistence={false}>
      <Probe />
    </ProgressProvider>,
  );
  act(() => actions().updateStatus(status(1)));
  expect(localStorage).toHaveLength(0);
  page.show(
    <ProgressProvider persistencePrefix="app:">
      <Probe />
    </ProgressProvider>,
  );
  act(() => actions().updateStatus(status(2)));
  expect(localStorage.getItem("app:default")).not.toBeNull();
});

test("state can be set by hand, as tests of pages do", () => {
  open(
    <ProgressProvider enablePersistence={false}>
      <Probe />
    </ProgressProvider>,
  );
  act(() => actions().setConnectionStatus("connected"));
  act(() => actions().setConnectionError("by hand"));
  expect(shown()).toMatch(/connected 0 by hand/);
});

test("without a MilepostProvider the provider has a client of its own", () => {
  render(
    <StrictMode>
      <ProgressProvider enablePersistence={false}>
        <Probe />
      </ProgressProvider>
    </StrictMode>,
  );
  expect(shown()).toMatch(/^none/);
});

test("a conversion shows what was known, then what comes", async () => {
  const edge = new Edge();
  const { id } = edge.add({ agents: [{ name: "layout", status: "running" }] as never });
  open(<ConversionProgress jobId={id} progress={3} message="Starting conversion..." />, { edge });
  expect(screen.getByText("Starting conversion...")).toBeDefined();
  await screen.findByText(/Converting page 4 of 10 · about 2 minutes left/);
  const current = () => document.querySelector('[aria-current="step"]')?.textContent;
  expect(current()).toBe("Running");
  expect(screen.getByText("layout")).toBeDefined();
  expect((await screen.findByText("Connected")).getAttribute("role")).toBe("status");
  await accessible();
  await after(() => edge.change(id, failed(true)));
  expect(screen.getByRole("alert").textContent).toBe("The converter died.");
  expect(screen.queryByRole("status")).toBeNull();
});

test.each([
  [{ status: "connecting" }, "Connecting…"],
  [{ status: "connected" }, "Connected"],
  [{ status: "disconnected" }, "Disconnected"],
  [{ status: "disconnected", usingWebSocket: false }, "Using fallback polling"],
  [{ status: "error", error: "refused" }, "Connection error: refused"],
] as const)("the indicator tells %o", async (props, text) => {
  render(<ConnectionStatusIndicator {...props} />);
  expect(screen.getByRole("status").textContent).toBe(text);
  await accessible();
});
