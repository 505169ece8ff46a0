import { screen } from "@testing-library/react";
import type { ReactNode } from "react";
import { expect, test, vi } from "vitest";
import { ConnectionIndicator, JobProgress, ProgressErrorBoundary } from "../src/index.js";
import { completed, Edge, failed, job, ManualClock } from "./edge.js";
import { accessible, after, open } from "./page.js";

test("a running job has a bar, its stage, its counter, and the time left", async () => {
  open(<JobProgress job={job()} />);
  const bar = screen.getByRole("progressbar", { name: "report.pdf" });
  expect(bar.getAttribute("aria-valuenow")).toBe("29");
  expect(bar.getAttribute("aria-valuetext")).toBe(
    "29%, Converting, page 4 of 10, about 2 minutes left",
  );
  expect(screen.getByText("Converting · page 4 of 10 · about 2 minutes left")).toBeDefined();
  await accessible();
});

test("in French", async () => {
  open(<JobProgress job={job({ eta_seconds: null })} />, { locale: "fr" });
  expect(screen.getByText("Conversion · page 4 sur 10")).toBeDefined();
  await accessible();
});

test("agents are listed with what they do", async () => {
  const agents = [
    { name: "layout", status: "running", progress: 40, message: "page 3" },
    { name: "tables", status: "dozing", progress: null, message: null },
  ];
  open(<JobProgress job={job({ agents })} />);
  const items = screen.getAllByRole("listitem").map(({ textContent }) => textContent?.trim());
  expect(items).toEqual(["layout running 40% page 3", "tables dozing"]);
  await accessible();
});

test("a stall is told and looks like one", async () => {
  const page = open(<JobProgress job={job()} stalled />);
  const bar = screen.getByRole("progressbar");
  expect(bar.hasAttribute("data-stalled")).toBe(true);
  expect(bar.getAttribute("aria-valuetext")).toMatch(/No sign of life/);
  await accessible();
  // What has ended is not stalled.
  page.show(<JobProgress job={job(completed())} stalled />);
  expect(screen.getByRole("progressbar").hasAttribute("data-stalled")).toBe(false);
});

test.each([
  ["queued", { status: "queued", queue: { position: 2, length: 3 } }],
  ["completed", completed()],
  ["failed", failed(true)],
  ["cancelled", { status: "cancelled" }],
] as const)("a job that is %s can be read by everybody", async (_name, fields) => {
  open(<JobProgress job={job(fields)} />);
  await accessible();
});

test("a job by its id is loaded, shown live, and told of at stages, quarters and the end", async () => {
  const edge = new Edge();
  const { id } = edge.add({ progress: 10 });
  const { container } = open(<JobProgress jobId={id} />, { edge });
  expect(screen.getByText("Loading…")).toBeDefined();
  await screen.findByRole("progressbar");
  const said = () => container.querySelector('[aria-live="polite"]')?.textContent;
  expect(said()).toBe("");
  await after(() => edge.change(id, { progress: 20 }));
  expect(said()).toBe("");
  await after(() => edge.change(id, { progress: 31 }));
  expect(said()).toBe("report.pdf: 25%");
  await after(() => edge.change(id, completed()));
  expect(said()).toBe("report.pdf is completed");
});

test("a job that is not there is an error, a deleted one is told", async () => {
  const edge = new Edge();
  const page = open(<JobProgress jobId="01a1f912-0000-7000-8000-00000000dead" />, { edge });
  expect((await screen.findByRole("alert")).textContent).toBe("There is no such job.");
  const { id } = edge.add(completed());
  page.show(<JobProgress jobId={id} />);
  await screen.findByRole("progressbar");
  await after(() => edge.remove(id));
  expect(screen.getByText("This job was deleted.")).toBeDefined();
});

test("a compact one is silent", () => {
  const { container } = open(<JobProgress job={job()} compact />);
  expect(screen.getByRole("progressbar", { name: "report.pdf" })).toBeDefined();
  expect(container.querySelector("[aria-live]")).toBeNull();
});

test("the connection is told in words, and tried at once on demand", async () => {
  const edge = new Edge();
  const clock = new ManualClock();
  const { id } = edge.add();
  const both = [<ConnectionIndicator key="c" />, <JobProgress key="j" jobId={id} compact />];
  const page = open(both, { edge, client: edge.client({ clock }) });
  expect(screen.getByRole("status").textContent).toMatch(/Connecting…|Not connected/);
  await screen.findByText("Live");
  expect(screen.queryByRole("button")).toBeNull();
  await accessible();

  edge.reachable = false;
  await after(() => {
    for (const socket of [...edge.sockets]) socket.drop(1006);
  });
  expect(screen.getByRole("status").textContent).toMatch(/^Retrying \(attempt \d\)$/);
  await accessible();
  edge.reachable = true;
  await page.user.click(screen.getByRole("button", { name: "Retry now" }));
  expect(await screen.findByText("Live")).toBeDefined();
});

test("polling is called what it is", async () => {
  const edge = new Edge();
  const { id } = edge.add(completed());
  const both = [<ConnectionIndicator key="c" />, <JobProgress key="j" jobId={id} compact />];
  open(both, { edge, client: edge.client({ transports: ["poll"] }) });
  expect(await screen.findByText("Using fallback polling")).toBeDefined();
});

function Fragile({ broken }: { broken: boolean }): ReactNode {
  if (broken) throw new Error("a secret of programmers");
  return <p>whole</p>;
}

test("a boundary keeps the page, tells whoever wants to know, and tries again", async () => {
  const silence = (event: ErrorEvent) => event.preventDefault();
  window.addEventListener("error", silence);
  const quiet = vi.spyOn(console, "error").mockImplementation(() => {});
  const onError = vi.fn();
  const shown = (broken: boolean, resetKey = "a") => (
    <ProgressErrorBoundary onError={onError} resetKey={resetKey}>
      <Fragile broken={broken} />
    </ProgressErrorBoundary>
  );
  const page = open(shown(true));
  expect(screen.getByRole("alert").textContent).not.toMatch(/secret/);
  expect(onError.mock.calls[0]?.[0].message).toBe("a secret of programmers");
  await accessible();

  page.show(shown(false));
  await page.user.click(screen.getByRole("button", { name: "Try again" }));
  expect(screen.getByText("whole")).toBeDefined();

  page.show(shown(true));
  page.show(shown(false, "b"));
  expect(screen.getByText("whole")).toBeDefined();
  window.removeEventListener("error", silence);
  quiet.mockRestore();
});
