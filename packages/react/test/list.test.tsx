import { screen, waitFor, within } from "@testing-library/react";
import { beforeEach, expect, test, vi } from "vitest";
import { DocumentList } from "../src/index.js";
import { completed, Edge, failed, ManualClock, named, problem } from "./edge.js";
import { accessible, after, open } from "./page.js";

let edge: Edge;
beforeEach(() => {
  edge = new Edge();
});

const add = (filename: string, fields = {}) =>
  edge.add({ document: { ...named(filename), ...fields } });
const names = () => screen.queryAllByRole("rowheader").map(({ textContent }) => textContent);
const row = (name: string) => within(screen.getByRole("row", { name: new RegExp(name) }));

test("an empty list says so", async () => {
  open(<DocumentList />, { edge });
  expect(screen.getByText("Loading…")).toBeDefined();
  expect(await screen.findByText("No documents yet.")).toBeDefined();
  await accessible();
});

test("a list that cannot be loaded says why, and tries again", async () => {
  edge.routes.set("GET /v1/jobs", () => problem(403, "forbidden", "Not yours."));
  const { user } = open(<DocumentList />, { edge });
  expect((await screen.findByRole("alert")).textContent).toMatch(/Not yours\./);
  await accessible();
  edge.routes.clear();
  add("report.pdf");
  await user.click(screen.getByRole("button", { name: "Refresh" }));
  await waitFor(() => expect(names()).toEqual(["report.pdf"]));
});

test("the bar stands only while a conversion runs, and the row follows by itself", async () => {
  const { id } = add("report.pdf");
  const { container } = open(<DocumentList />, { edge });
  const bar = await screen.findByRole("progressbar", { name: "report.pdf" });
  expect(bar.getAttribute("aria-valuenow")).toBe("29");
  expect(row("report.pdf").getByText("page 4 of 10 · about 2 minutes left")).toBeDefined();
  await accessible();

  await after(() => edge.change(id, completed()));
  await waitFor(() => expect(screen.queryByRole("progressbar")).toBeNull());
  expect(row("report.pdf").getByText("Completed")).toBeDefined();
  const said = container.querySelector('[aria-live="polite"]');
  expect(said?.textContent).toBe("report.pdf is completed");
  await accessible();
});

test("columns sort, and tell how", async () => {
  add("b.pdf", { bytes: 5 });
  add("a10.pdf", { bytes: 7 });
  add("a9.pdf", { bytes: 6 });
  const { user } = open(<DocumentList />, { edge });
  await waitFor(() => expect(names()).toEqual(["a9.pdf", "a10.pdf", "b.pdf"]));
  const head = (name: string) => screen.getByRole("columnheader", { name: new RegExp(name) });
  const sort = async (name: string) => {
    await user.click(within(head(name)).getByRole("button"));
    return [names(), head(name).getAttribute("aria-sort")];
  };
  expect(head("Submitted").getAttribute("aria-sort")).toBe("descending");
  expect(await sort("Name")).toEqual([["a9.pdf", "a10.pdf", "b.pdf"], "ascending"]);
  expect(await sort("Name")).toEqual([["b.pdf", "a10.pdf", "a9.pdf"], "descending"]);
  expect(await sort("Size")).toEqual([["a10.pdf", "a9.pdf", "b.pdf"], "descending"]);
  expect(head("Submitted").getAttribute("aria-sort")).toBeNull();
});

test("filters ask the server", async () => {
  add("invoice.pdf");
  edge.change(add("report.pdf").id, failed(false));
  const { user } = open(<DocumentList />, { edge });
  await waitFor(() => expect(names()).toHaveLength(2));
  await user.type(screen.getByRole("searchbox"), "INV");
  await waitFor(() => expect(names()).toEqual(["invoice.pdf"]));
  await user.clear(screen.getByRole("searchbox"));
  await user.selectOptions(screen.getByRole("combobox", { name: "Status" }), "Failed");
  await waitFor(() => expect(names()).toEqual(["report.pdf"]));
  await user.type(screen.getByRole("searchbox"), "inv");
  expect(await screen.findByText("Nothing matches the filter.")).toBeDefined();
});

test("more are loaded on demand", async () => {
  for (const name of ["a.pdf", "b.pdf", "c.pdf"]) add(name);
  const { user } = open(<DocumentList pageSize={2} />, { edge });
  await waitFor(() => expect(names()).toEqual(["c.pdf", "b.pdf"]));
  await user.click(screen.getByRole("button", { name: "Show more" }));
  await waitFor(() => expect(names()).toEqual(["c.pdf", "b.pdf", "a.pdf"]));
  expect(screen.queryByRole("button", { name: "Show more" })).toBeNull();
});

test("a row's order goes to its job", async () => {
  const { id } = add("report.pdf");
  const onOpen = vi.fn();
  const { user } = open(<DocumentList onOpen={onOpen} />, { edge });
  await user.click(await screen.findByRole("button", { name: "Cancel report.pdf" }));
  await user.click(await screen.findByRole("button", { name: "Retry report.pdf" }));
  await waitFor(() => expect(edge.jobs.get(id)?.attempt).toBe(2));
  await user.click(screen.getByRole("button", { name: "report.pdf" }));
  expect(onOpen.mock.calls[0]?.[0].id).toBe(id);
});

test("an order that is refused says why in its row", async () => {
  const { id } = add("report.pdf");
  edge.routes.set(`POST /v1/jobs/${id}/cancel`, () => problem(409, "conflict", "It has ended."));
  const { user } = open(<DocumentList />, { edge });
  await user.click(await screen.findByRole("button", { name: "Cancel report.pdf" }));
  expect(await row("report.pdf").findByText("It has ended.")).toBeDefined();
});

test("what is selected is cancelled, or converted again", async () => {
  const running = [add("a.pdf"), add("b.pdf")];
  const done = add("c.pdf");
  edge.change(done.id, completed());
  const { user } = open(<DocumentList />, { edge });
  await user.click(await screen.findByRole("checkbox", { name: "Select a.pdf" }));
  expect(screen.getByText("1 selected")).toBeDefined();
  await user.click(screen.getByRole("checkbox", { name: "Select all" }));
  expect(screen.getByText("3 selected")).toBeDefined();
  await accessible();

  await user.click(screen.getByRole("button", { name: "Cancel the selected ones" }));
  await waitFor(() => expect(row("b.pdf").getByText("Cancelled")).toBeDefined());
  expect(running.map(({ id }) => edge.jobs.get(id)?.status)).toEqual(["cancelled", "cancelled"]);
  expect(edge.jobs.get(done.id)?.status).toBe("completed");

  await user.click(screen.getByRole("button", { name: "Convert the selected ones again" }));
  await waitFor(() => expect(edge.jobs.size).toBe(4));
  expect(running.map(({ id }) => edge.jobs.get(id)?.attempt)).toEqual([2, 2]);
  const again = edge.requests.find(({ method, path }) => method === "POST" && path === "/v1/jobs");
  expect(again?.body).toMatchObject({ force: true, source: { document: done.document?.id } });
});

test("a row renders when its own job changes, and not with others", async () => {
  const one = add("a.pdf");
  add("b.pdf");
  const actions = vi.fn(() => null);
  open(<DocumentList actions={actions} />, { edge });
  await waitFor(() => expect(names()).toHaveLength(2));
  await waitFor(() => expect([...edge.sockets].some(({ mine }) => mine)).toBe(true));
  // It is loaded, and when the connection opens, again, for what was missed before that.
  const lists = () => edge.requests.filter(({ path }) => path === "/v1/jobs");
  await waitFor(() => expect(lists()).toHaveLength(3));
  await after(() => {});
  actions.mockClear();
  await after(() => edge.change(one.id, { progress: 77 }));
  await waitFor(() => expect(actions).toHaveBeenCalled());
  const rendered = actions.mock.calls as unknown as [{ id: string }][];
  expect(new Set(rendered.map(([job]) => job.id))).toEqual(new Set([one.id]));
});

test("nothing is watched behind its end", async () => {
  const clock = new ManualClock();
  add("a.pdf");
  const page = open(<DocumentList />, { edge, client: edge.client({ clock }) });
  await waitFor(() => expect(names()).toHaveLength(1));
  expect([...edge.sockets].some(({ mine }) => mine)).toBe(true);
  page.show(null);
  await after(() => clock.advance(2000));
  expect([...edge.sockets].some(({ mine }) => mine)).toBe(false);
});

test("offline it says so, and keeps what was known", async () => {
  add("a.pdf");
  open(<DocumentList />, { edge });
  await waitFor(() => expect([...edge.sockets].some(({ mine }) => mine)).toBe(true));
  const online = vi.spyOn(navigator, "onLine", "get").mockReturnValue(false);
  await after(() => window.dispatchEvent(new Event("offline")));
  expect(await screen.findByText(/You are offline/)).toBeDefined();
  expect(names()).toEqual(["a.pdf"]);
  await accessible();
  online.mockRestore();
});
