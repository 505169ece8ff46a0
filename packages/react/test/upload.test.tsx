import { fireEvent, screen, waitFor, within } from "@testing-library/react";
import { beforeEach, expect, test, vi } from "vitest";
import { DocumentUpload, useSubmit } from "../src/index.js";
import { completed, Edge, failed, problem, stage } from "./edge.js";
import { accessible, after, open } from "./page.js";

let edge: Edge;
beforeEach(() => {
  edge = new Edge();
  vi.stubGlobal("XMLHttpRequest", edge.xhr);
});

const file = (name: string, size = 2000) =>
  new File(["x".repeat(size)], name, { type: "application/pdf" });
const zone = () => screen.getByRole("button", { name: "Choose files or drop them here" });
const input = () =>
  screen.getByLabelText<HTMLInputElement>("Choose files or drop them here", { selector: "input" });
const row = (name: string) => {
  const found = screen.getAllByRole("listitem").find((each) => within(each).queryByText(name));
  if (found === undefined) throw new Error(`no row ${name}`);
  return within(found);
};
const uploads = (count: number) => waitFor(() => expect(edge.uploads).toHaveLength(count));
const accept = (place: number, name: string, batch: string | null = null) => {
  const made = edge.submitted(name, batch);
  edge.uploads[place]?.answer(202, made);
  return made;
};

test("a file is sent, accepted, and worked on through all states", async () => {
  const onSubmitted = vi.fn();
  const { user } = open(<DocumentUpload onSubmitted={onSubmitted} />, { edge });
  await accessible();
  await user.upload(input(), file("report.pdf"));
  await uploads(1);
  expect(row("report.pdf").getByText("Waiting to be sent")).toBeDefined();
  await after(() => edge.uploads[0]?.sent(1000, 2000));
  const bar = row("report.pdf").getByRole("progressbar", { name: "report.pdf" });
  expect(bar.getAttribute("aria-valuenow")).toBe("50");
  expect(row("report.pdf").getByText("Sending 1 kB of 2 kB")).toBeDefined();
  await accessible();

  let id = "";
  await after(() => {
    id = accept(0, "report.pdf").id;
  });
  expect(onSubmitted.mock.calls.map(([job]) => job.id)).toEqual([id]);
  const shows = (symbol: string, text: string) => {
    expect(row("report.pdf").getByText(symbol)).toBeDefined();
    expect(row("report.pdf").getByText(text, { selector: ".mp-upload-state" })).toBeDefined();
  };
  await waitFor(() => shows("📥", "Received"));
  await waitFor(() => expect(edge.watchers(id)).toBe(1));
  for (const [at, symbol, text] of [
    ["extracting", "🔍", "Extracting"],
    ["chunking", "✂️", "Chunking"],
    ["enriching", "✨", "Enriching"],
    ["indexing", "🗂️", "Indexing"],
  ] as const) {
    await after(() =>
      edge.change(id, { status: "running", stage: at, stages: [stage(at, "running")] }),
    );
    shows(symbol, text);
  }
  await after(() => edge.change(id, completed()));
  expect(row("report.pdf").getByText("✅")).toBeDefined();
  await accessible();
});

test("several files are one batch, which the first one opens", async () => {
  const { user } = open(<DocumentUpload />, { edge });
  await user.upload(input(), [file("a.pdf"), file("b.pdf"), file("c.pdf")]);
  await uploads(1);
  expect(edge.uploads[0]?.url).toMatch(/batch=new/);
  await after(() => accept(0, "a.pdf", "B1"));
  await uploads(3);
  expect(edge.uploads.slice(1).every(({ url }) => url.endsWith("batch=B1"))).toBe(true);
});

test("where the first one fails, the next opens the batch", async () => {
  const { user } = open(<DocumentUpload />, { edge });
  await user.upload(input(), [file("a.pdf"), file("b.pdf")]);
  await uploads(1);
  await after(() => edge.uploads[0]?.fail());
  await uploads(2);
  expect(edge.uploads[1]?.url).toMatch(/batch=new/);
});

test("files can be dropped, and text can be pasted", async () => {
  open(<DocumentUpload />, { edge });
  const files = [file("dropped.pdf")];
  fireEvent.drop(zone(), { dataTransfer: { files, items: [], types: ["Files"] } });
  expect(await screen.findByText("dropped.pdf")).toBeDefined();
  const pasted = { files: [], items: [], getData: () => "# A title" };
  fireEvent.paste(document.body, { clipboardData: pasted });
  expect(await screen.findByText("Pasted text.md")).toBeDefined();
});

test("what is pasted into a field stays there", async () => {
  open([<DocumentUpload key="u" />, <input key="i" aria-label="a field" />], { edge });
  const pasted = { files: [], items: [], getData: () => "words" };
  fireEvent.paste(screen.getByLabelText("a field"), { clipboardData: pasted });
  await after(() => {});
  expect(screen.queryByRole("listitem")).toBeNull();
});

test("the keyboard opens the dialog", async () => {
  const { user } = open(<DocumentUpload />, { edge });
  const clicked = vi.fn();
  input().addEventListener("click", clicked);
  await user.tab();
  expect(document.activeElement).toBe(zone());
  await user.keyboard("{Enter}");
  expect(clicked).toHaveBeenCalledOnce();
});

test("a file that is too large is refused before it is sent", async () => {
  edge.info.limits.body = 1000;
  const { user } = open(<DocumentUpload />, { edge });
  expect(await screen.findByText(/1 kB at most for each file/)).toBeDefined();
  await user.upload(input(), file("large.pdf", 5000));
  const alert = await row("large.pdf").findByRole("alert");
  expect(alert.textContent).toBe("large.pdf has 5 kB; this server takes 1 kB at most.");
  expect(edge.uploads).toHaveLength(0);
  await accessible();
});

test("addresses are taken where the server fetches them", async () => {
  edge.info.fetch_by_url = true;
  const { user } = open(<DocumentUpload />, { edge });
  const field = await screen.findByLabelText("Address of a document");
  await user.type(field, "nonsense{Enter}");
  expect(screen.getByRole("alert").textContent).toMatch(/no http or https address/);
  await accessible();
  await user.clear(field);
  await user.type(field, "https://example.com/paper.pdf{Enter}");
  await uploads(1);
  expect(edge.uploads[0]?.body).toMatch("https://example.com/paper.pdf");
  expect(screen.getByText("paper.pdf")).toBeDefined();
});

test("sending can be cancelled, retried and taken off the list", async () => {
  const { user } = open(<DocumentUpload />, { edge });
  await user.upload(input(), file("report.pdf"));
  await uploads(1);
  await user.click(screen.getByRole("button", { name: "Cancel report.pdf" }));
  expect(edge.uploads[0]?.aborted).toBe(true);
  expect(row("report.pdf").getByText("Cancelled")).toBeDefined();
  await accessible();

  await user.click(screen.getByRole("button", { name: "Retry report.pdf" }));
  await uploads(2);
  const key = (place: number) => edge.uploads[place]?.headers.get("idempotency-key");
  // It may have arrived: sent again, it must not be a second job.
  expect(key(1)).toBe(key(0));
  await after(() =>
    edge.uploads[1]?.answer(422, { code: "invalid_field", detail: "Not so.", status: 422 }),
  );
  expect(row("report.pdf").getByRole("alert").textContent).toBe("Not so.");
  await user.click(screen.getByRole("button", { name: "Remove report.pdf" }));
  expect(screen.queryByRole("listitem")).toBeNull();
});

test("a job can be cancelled and retried, and an order that is refused says why", async () => {
  const { user } = open(<DocumentUpload />, { edge });
  await user.upload(input(), file("report.pdf"));
  await uploads(1);
  let id = "";
  await after(() => {
    id = accept(0, "report.pdf").id;
  });
  await waitFor(() => expect(edge.watchers(id)).toBe(1));
  await user.click(screen.getByRole("button", { name: "Cancel report.pdf" }));
  await row("report.pdf").findByText("🚫");
  await user.click(screen.getByRole("button", { name: "Retry report.pdf" }));
  await row("report.pdf").findByText("📥");
  edge.routes.set(`POST /v1/jobs/${id}/cancel`, () => problem(409, "conflict", "It has ended."));
  await user.click(screen.getByRole("button", { name: "Cancel report.pdf" }));
  expect((await row("report.pdf").findByRole("alert")).textContent).toBe("It has ended.");
});

test("a failed job shows its message", async () => {
  const { user } = open(<DocumentUpload />, { edge });
  await user.upload(input(), file("report.pdf"));
  await uploads(1);
  let id = "";
  await after(() => {
    id = accept(0, "report.pdf").id;
  });
  await waitFor(() => expect(edge.watchers(id)).toBe(1));
  await after(() => edge.change(id, failed(true)));
  expect(row("report.pdf").getByText("The converter died.")).toBeDefined();
  expect(row("report.pdf").getByText("❌")).toBeDefined();
  await user.click(screen.getByRole("button", { name: "Clear the finished ones" }));
  expect(screen.queryByRole("listitem")).toBeNull();
});

function Holder({ shown }: { shown: boolean }) {
  const submissions = useSubmit();
  return shown && <DocumentUpload submissions={submissions} />;
}

test("sending ends with its component, or goes on where it is held further up", async () => {
  const page = open(<DocumentUpload />, { edge });
  await page.user.upload(input(), file("gone.pdf"));
  await uploads(1);
  page.show(<Holder shown />);
  expect(edge.uploads[0]?.aborted).toBe(true);

  await page.user.upload(input(), file("kept.pdf"));
  await uploads(2);
  page.show(<Holder shown={false} />);
  expect(edge.uploads[1]?.aborted).toBe(false);
  page.show(<Holder shown />);
  expect(screen.getByText("kept.pdf")).toBeDefined();
});

function Sender() {
  const { items, submitAll, retry } = useSubmit();
  return (
    <>
      <button
        type="button"
        onClick={() => submitAll([file("a.pdf"), file("b.pdf")], { idempotencyKey: "mine" })}
      >
        send
      </button>
      {items.map(({ key, name, state, error }) => (
        <button key={key} type="button" onClick={() => retry(key)}>
          {name} {state} {error?.code}
        </button>
      ))}
    </>
  );
}

test("one key of several files is a key for each", async () => {
  const { user } = open(<Sender />, { edge });
  await user.click(screen.getByText("send"));
  await uploads(1);
  await after(() => accept(0, "a.pdf", "B1"));
  await uploads(2);
  const keys = edge.uploads.map(({ headers }) => headers.get("idempotency-key"));
  expect(keys).toEqual(["mine-0", "mine-1"]);
});

test("a network that breaks is an error that may pass, and the same key goes again", async () => {
  const { user } = open(<Sender />, { edge });
  await user.click(screen.getByText("send"));
  await uploads(1);
  await after(() => edge.uploads[0]?.fail());
  await user.click(await screen.findByText("a.pdf failed network"));
  await uploads(3);
  expect(edge.uploads[2]?.url).toBe(edge.uploads[0]?.url);
});
