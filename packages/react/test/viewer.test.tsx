import { screen, waitFor, within } from "@testing-library/react";
import { beforeEach, expect, test, vi } from "vitest";
import { DocumentViewer } from "../src/index.js";
import { completed, Edge, failed, problem, stage } from "./edge.js";
import { accessible, after, open } from "./page.js";

let edge: Edge;
let pages: number;
beforeEach(() => {
  edge = new Edge();
  pages = 0;
  vi.stubGlobal(
    "URL",
    Object.assign(URL, { createObjectURL: () => "blob:x", revokeObjectURL() {} }),
  );
});

/** A job whose pages are served as far as `pages` says. */
function viewed(fields = {}): string {
  const { id } = edge.add({ stages: [stage("converting", "running", 0, 3)], ...fields });
  const at = "2026-11-20T13:08:25Z";
  edge.routes.set(`GET /v1/jobs/${id}/pages`, () => {
    const items = Array.from({ length: pages }, (_, place) => ({
      page: place + 1,
      bytes: 10,
      error: place === 1 ? "Its font is broken." : null,
      url: "",
      created_at: at,
    }));
    return Response.json({ items, next: null });
  });
  for (const page of [1, 2, 3]) {
    edge.routes.set(`GET /v1/jobs/${id}/pages/${page}`, () => new Response(`# Page ${page}`));
  }
  edge.routes.set(`GET /v1/jobs/${id}/result`, () => new Response('{"whole": "result"}'));
  return id;
}

const finish = (id: string, done: number) => {
  pages = done;
  return edge.change(id, { stages: [stage("converting", "running", done, 3)] });
};

test("pages appear as they finish, and stay to be read", async () => {
  const id = viewed();
  const { user } = open(<DocumentViewer jobId={id} />, { edge });
  expect(await screen.findByText(/The first page appears here/)).toBeDefined();
  await accessible();

  await after(() => finish(id, 1));
  expect(await screen.findByText("# Page 1")).toBeDefined();
  expect(screen.getByRole("button", { name: "Next page" })).toHaveProperty("disabled", true);
  await after(() => finish(id, 2));
  await waitFor(() => expect(screen.getAllByRole("option")).toHaveLength(2));
  // The page that is read does not run away.
  expect(screen.getByText("# Page 1")).toBeDefined();
  await user.click(screen.getByRole("button", { name: "Next page" }));
  expect(await screen.findByText("# Page 2")).toBeDefined();
  expect(screen.getByText("Page 2 could not be converted. Its font is broken.")).toBeDefined();
  await accessible();
});

test("at the end the result opens by itself", async () => {
  const id = viewed();
  open(<DocumentViewer jobId={id} />, { edge });
  await screen.findByRole("progressbar", { name: "report.pdf" });
  expect(screen.getByRole("tab", { selected: true }).textContent).toBe("Pages");
  await after(() => edge.change(id, completed()));
  expect(await screen.findByText('{"whole": "result"}')).toBeDefined();
  expect(screen.getByRole("tab", { selected: true }).textContent).toBe("Markdown");
  expect(screen.queryByRole("progressbar")).toBeNull();
  await accessible();
});

test("tabs are reached by arrows, and show what is kept", async () => {
  const id = viewed(completed());
  const { user } = open(<DocumentViewer jobId={id} />, { edge });
  const tab = await screen.findByRole("tab", { selected: true });
  tab.focus();
  await user.keyboard("{ArrowRight}");
  expect(document.activeElement?.textContent).toBe("JSON");
  expect(await screen.findByText(/"whole": "result"\s*\}/)).toBeDefined();
  await user.keyboard("{ArrowRight}");
  const frame = await screen.findByTitle("report.pdf");
  expect(frame.getAttribute("sandbox")).toBe("");
  await user.keyboard("{Home}");
  expect(screen.getByRole("tab", { selected: true }).textContent).toBe("Pages");
  await accessible();
});

test("Markdown is text, unless the page renders it", async () => {
  const id = viewed(completed());
  const page = open(<DocumentViewer jobId={id} />, { edge });
  const text = await screen.findByText('{"whole": "result"}');
  expect(text.tagName).toBe("PRE");
  page.show(<DocumentViewer jobId={id} renderMarkdown={(md) => <h3>{`rendered ${md}`}</h3>} />);
  expect(screen.getByRole("heading", { name: /^rendered/ })).toBeDefined();
});

test("a failure that may pass can be retried, another cannot", async () => {
  const id = viewed(failed(true));
  const { user } = open(<DocumentViewer jobId={id} />, { edge });
  expect(await screen.findByText("The converter died.")).toBeDefined();
  await accessible();
  await user.click(screen.getByRole("button", { name: "Retry report.pdf" }));
  await waitFor(() => expect(edge.jobs.get(id)?.status).toBe("queued"));

  await after(() => edge.change(id, failed(false)));
  expect(screen.getByText("A retry would end the same way.")).toBeDefined();
  expect(screen.queryByRole("button", { name: "Retry report.pdf" })).toBeNull();
});

test("a result that cannot be loaded says why", async () => {
  const id = viewed(completed());
  edge.routes.set(`GET /v1/jobs/${id}/result`, () => problem(406, "not_acceptable", "Not kept."));
  open(<DocumentViewer jobId={id} />, { edge });
  const panel = await screen.findByRole("tabpanel");
  expect((await within(panel).findByRole("alert")).textContent).toBe("Not kept.");
});

test("another job is another document, and closing is told", async () => {
  const [one, other] = [viewed(completed()), viewed(completed())];
  edge.routes.set(`GET /v1/jobs/${other}/result`, () => new Response("the other"));
  const onClose = vi.fn();
  const page = open(<DocumentViewer jobId={one} onClose={onClose} />, { edge });
  await screen.findByText('{"whole": "result"}');
  page.show(<DocumentViewer jobId={other} onClose={onClose} />);
  expect(await screen.findByText("the other")).toBeDefined();
  await page.user.click(screen.getByRole("button", { name: "Close report.pdf" }));
  expect(onClose).toHaveBeenCalledOnce();
});
