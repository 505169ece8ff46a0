import type { Milepost } from "@milepost/client";
import { render, screen, waitFor } from "@testing-library/react";
import { type ReactNode, StrictMode } from "react";
import { expect, test, vi } from "vitest";
import {
  JobProgress,
  MilepostProvider,
  useConnection,
  useJob,
  useJobs,
  useStats,
} from "../src/index.js";
import { completed, Edge, ManualClock, named, problem } from "./edge.js";
import { after, open } from "./page.js";

function Shown({ id }: { id: string | undefined }): ReactNode {
  const { job, error, removed } = useJob(id);
  return (
    <p>
      {id ?? "nothing"}: {job?.id ?? "no job"} {job?.progress} {job?.status} {error?.code}
      {removed && " removed"}
    </p>
  );
}

test("a job is shown in its newest state until the component goes", async () => {
  const edge = new Edge();
  const clock = new ManualClock();
  const { id } = edge.add();
  const page = open(<Shown id={id} />, { edge, client: edge.client({ clock }) });
  await screen.findByText(/29 running/);
  await after(() => edge.change(id, { progress: 51 }));
  expect(screen.getByText(/51 running/)).toBeDefined();
  await after(() => edge.change(id, completed()));
  expect(screen.getByText(/100 completed/)).toBeDefined();

  page.show(null);
  // The client waits a moment for others before it lets go.
  await after(() => clock.advance(2000));
  expect(edge.watchers(id)).toBe(0);
});

test("two hooks on one job share one subscription", async () => {
  const edge = new Edge();
  const { id } = edge.add();
  open([<Shown key="a" id={id} />, <Shown key="b" id={id} />], { edge });
  expect(await screen.findAllByText(/29 running/)).toHaveLength(2);
  expect(edge.watchers(id)).toBe(1);
  expect(edge.sockets.size).toBe(1);
});

test("another id is never shown with the job of the one before", async () => {
  const edge = new Edge();
  const [one, other] = [edge.add({ progress: 10 }), edge.add({ progress: 60 })];
  const page = open(<Shown id={one.id} />, { edge });
  await screen.findByText(/10 running/);

  page.show(<Shown id={other.id} />);
  expect(screen.getByText(`${other.id}: no job`)).toBeDefined();
  await after(() => edge.change(one.id, { progress: 11 }));
  expect(await screen.findByText(/60 running/)).toBeDefined();

  page.show(<Shown id={undefined} />);
  expect(screen.getByText("nothing: no job")).toBeDefined();
});

test("another client is another server, at once", async () => {
  const [here, there] = [new Edge(), new Edge()];
  const shared = here.add({ progress: 10 });
  there.jobs.set(shared.id, { ...shared, progress: 80 });
  const clock = new ManualClock();
  const tree = (client: Milepost) => (
    <StrictMode>
      <MilepostProvider client={client}>
        <Shown id={shared.id} />
      </MilepostProvider>
    </StrictMode>
  );
  const page = render(tree(here.client({ clock })));
  await screen.findByText(/10 running/);
  page.rerender(tree(there.client({ clock })));
  expect(screen.getByText(/no job/)).toBeDefined();
  expect(await screen.findByText(/80 running/)).toBeDefined();
  await after(() => clock.advance(2000));
  expect(here.watchers(shared.id)).toBe(0);
});

test("what cannot be watched has an error", async () => {
  open(<Shown id="01a1f912-0000-7000-8000-00000000dead" />);
  expect(await screen.findByText(/not_found/)).toBeDefined();
});

test("a deleted job is removed", async () => {
  const edge = new Edge();
  const { id } = edge.add(completed());
  open(<Shown id={id} />, { edge });
  await screen.findByText(/completed/);
  await after(() => edge.remove(id));
  expect(screen.getByText(/removed/)).toBeDefined();
});

test("a stall that the server notes is told, and ends with the next word", async () => {
  const edge = new Edge();
  const { id } = edge.add({ pipeline: "external" });
  open(<JobProgress jobId={id} />, { edge });
  await screen.findByRole("progressbar");
  const stall = () => screen.queryByText("No sign of life for a while. It may still go on.");
  expect(stall()).toBeNull();
  const silent = { stalled: true };
  await after(() => edge.change(id, silent));
  expect(stall()).not.toBeNull();
  const heard = { stalled: false, progress: 30 };
  await after(() => edge.change(id, heard));
  expect(stall()).toBeNull();
});

function Names({ q }: { q?: string }): ReactNode {
  // A filter written in place is another object each time.
  const { jobs, loading, hasMore, loadMore } = useJobs({ limit: 2, ...(q ? { q } : {}) });
  return (
    <>
      <ol aria-busy={loading}>
        {jobs.map((job) => (
          <li key={job.id}>
            {job.document?.filename} {job.status}
          </li>
        ))}
      </ol>
      {hasMore && (
        <button type="button" onClick={() => void loadMore()}>
          more
        </button>
      )}
    </>
  );
}

const add = (edge: Edge, filename: string) => edge.add({ document: named(filename) });
const rows = () => screen.queryAllByRole("listitem").map((row) => row.textContent);

test("a list loads pages, and is up to date by itself", async () => {
  const edge = new Edge();
  const [first] = [add(edge, "a.pdf"), add(edge, "b.pdf"), add(edge, "c.pdf")];
  const page = open(<Names />, { edge });
  await waitFor(() => expect(rows()).toEqual(["c.pdf running", "b.pdf running"]));
  await page.user.click(screen.getByText("more"));
  await waitFor(() => expect(rows()).toHaveLength(3));

  await after(() => edge.change(first.id, completed()));
  await waitFor(() => expect(rows().at(-1)).toBe("a.pdf completed"));
  await after(() => edge.submitted("d.pdf"));
  await waitFor(() => expect(rows()[0]).toBe("d.pdf queued"));
});

test("another filter is another list", async () => {
  const edge = new Edge();
  add(edge, "a.pdf");
  add(edge, "b.pdf");
  const page = open(<Names />, { edge });
  await waitFor(() => expect(rows()).toHaveLength(2));
  page.show(<Names q="a" />);
  await waitFor(() => expect(rows()).toEqual(["a.pdf running"]));
});

function Connection(): ReactNode {
  const { status, attempt, retryNow } = useConnection();
  return (
    <button type="button" onClick={retryNow}>
      {status} {attempt}
    </button>
  );
}

test("the connection tells how it stands, and tries at once when told to", async () => {
  const edge = new Edge();
  const clock = new ManualClock();
  const { id } = edge.add();
  const client = edge.client({ clock });
  const page = open([<Connection key="c" />, <Shown key="j" id={id} />], { edge, client });
  await screen.findByText(/^live/);

  edge.reachable = false;
  await after(() => {
    for (const socket of [...edge.sockets]) socket.drop(1006);
  });
  await screen.findByText(/^retrying/);
  edge.reachable = true;
  await page.user.click(screen.getByRole("button"));
  expect(await screen.findByText(/^live/)).toBeDefined();
});

function Depth({ every }: { every: number }): ReactNode {
  const { stats, error } = useStats({ every });
  return (
    <p>
      depth {stats?.queue.depth ?? "unknown"} {error?.code}
    </p>
  );
}

test("counts are asked for again, and stay through an error", async () => {
  const edge = new Edge();
  let depth = 3;
  edge.routes.set("GET /v1/stats", () =>
    depth < 5
      ? Response.json({ queue: { depth: depth++, limit: 10 } })
      : problem(403, "forbidden", "Not yours."),
  );
  open(<Depth every={1} />, { edge });
  expect(await screen.findByText("depth 4 forbidden")).toBeDefined();
});

test("counts are not asked for while nobody can see them", async () => {
  const edge = new Edge();
  const stats = vi.fn(() => Response.json({ queue: { depth: 1, limit: 10 } }));
  edge.routes.set("GET /v1/stats", stats);
  const visibility = vi.spyOn(document, "visibilityState", "get").mockReturnValue("hidden");
  open(<Depth every={1} />, { edge });
  await after(() => {});
  expect(stats).not.toHaveBeenCalled();
  visibility.mockReturnValue("visible");
  await after(() => document.dispatchEvent(new Event("visibilitychange")));
  expect(await screen.findByText("depth 1")).toBeDefined();
  visibility.mockRestore();
});
