// Collections and searches on a page.

import type { Collection, SearchHit } from "@milepost/client";
import { act, screen, waitFor, within } from "@testing-library/react";
import { type ReactNode, useState } from "react";
import { expect, test, vi } from "vitest";
import {
  Highlight,
  highlightParts,
  SearchResults,
  type SearchWish,
  searchEn,
  searchFr,
  useCollection,
  useCollections,
  useSearch,
} from "../src/search/index.js";
import { type Arrived, Edge, problem } from "./edge.js";
import { accessible, open } from "./page.js";

function hit(fields: Partial<SearchHit> = {}): SearchHit {
  return {
    id: "0-1",
    collection: "papers",
    score: 0.031,
    text: "The road goes on to the lake.",
    highlight: "The road goes on to the <mark>lake</mark>.",
    document: { id: "d1", entry: "e1", filename: "road.pdf", title: null },
    pages: { first: 3, last: 3 },
    headings: ["Roads", "To the lake"],
    language: "en",
    keywords: [],
    index: 1,
    metadata: {},
    ranks: { keyword: 1, vector: 2 },
    ...fields,
  };
}

const answer = (hits: readonly SearchHit[], mode = "hybrid", left = 0) =>
  Response.json({ hits, mode, reranked: false, took_ms: 2, left_out: left });

const SEARCH = "POST /v1/collections/papers/search";

function Box({ onKeywords, ...wish }: SearchWish & { onKeywords?: () => void }): ReactNode {
  const [text, setText] = useState("");
  const search = useSearch(text, { collection: "papers", pause: 0, ...wish });
  return (
    <main>
      <input aria-label="Question" value={text} onChange={({ target }) => setText(target.value)} />
      <SearchResults
        search={search}
        hrefOf={({ document, pages }) =>
          document.id ? `/documents/${document.id}?page=${pages?.first}` : undefined
        }
        onKeywords={onKeywords}
      />
    </main>
  );
}

const bodies = (edge: Edge) =>
  edge.requests.filter(({ path }) => path.endsWith("/search")).map(({ body }) => body);

test("a highlight is text and marks, and nothing else", () => {
  const html =
    "a &lt;b&gt; &amp;lt; <mark>c &#39;d&#x27; &quot;</mark><script>alert(1)</script>&nope; &#9999999;";
  expect(highlightParts(html)).toEqual([
    { text: "a <b> &lt; ", marked: false },
    { text: "c 'd' \"", marked: true },
    { text: "<script>alert(1)</script>&nope; &#9999999;", marked: false },
  ]);
  const { container } = open(<Highlight html={html} className="own" />);
  const shown = container.querySelector(".own");
  expect([...(shown?.querySelectorAll("*") ?? [])].map(({ tagName }) => tagName)).toEqual(["MARK"]);
  expect(shown?.textContent).toContain("<script>alert(1)</script>");
});

test("hits say what they are, where they stand, and by what they were found", async () => {
  const edge = new Edge();
  const long = `${"The road goes on. ".repeat(20)}lake`;
  edge.routes.set(SEARCH, () =>
    answer([
      hit(),
      hit({
        id: "0-2",
        text: long,
        document: { id: "d2", entry: "e2", filename: "b.md", title: "A <title>" },
        pages: { first: 4, last: 5 },
        headings: [],
        ranks: { keyword: null, vector: 1 },
      }),
    ]),
  );
  const page = open(<Box />, { edge });
  await page.user.type(screen.getByLabelText("Question"), "lake");
  expect(await screen.findByText("2 passages")).toBeDefined();
  const [one, two] = screen.getAllByRole("listitem");
  expect(within(one as HTMLElement).getByText("lake").tagName).toBe("MARK");
  expect(one?.textContent).toContain("Roads › To the lake");
  expect(one?.textContent).toContain("page 3 · found by its words (no. 1)");
  expect(two?.textContent).toContain("b.md · pages 4–5 · found by its meaning (no. 1)");
  expect(one?.textContent).not.toContain("0.03");
  const link = screen.getByRole("link", { name: "A <title>" });
  expect(link.getAttribute("href")).toBe("/documents/d2?page=4");
  expect(within(two as HTMLElement).getByText("Whole passage")).toBeDefined();
  await accessible();

  // Arrows go from hit to hit, and stop at the ends.
  screen.getByRole("link", { name: "road.pdf" }).focus();
  await page.user.keyboard("{ArrowDown}");
  expect(document.activeElement).toBe(link);
  await page.user.keyboard("{ArrowDown}");
  expect(document.activeElement).toBe(link);
  await page.user.keyboard("{ArrowUp}");
  expect(document.activeElement?.textContent).toBe("road.pdf");
});

test("a hit that leads nowhere is text, and keys go through it with the others", async () => {
  const edge = new Edge();
  edge.routes.set(SEARCH, () =>
    answer([
      hit(),
      hit({ id: "0-2", document: { id: null, entry: "e2", filename: "text", title: null } }),
    ]),
  );
  const page = open(<Box />, { edge });
  await page.user.type(screen.getByLabelText("Question"), "lake");
  (await screen.findByRole("link", { name: "road.pdf" })).focus();
  expect(screen.getAllByRole("link")).toHaveLength(1);
  await page.user.keyboard("{ArrowDown}");
  expect(document.activeElement?.textContent).toBe("text");
  await accessible();
});

test("typing asks once it rests, gives up what is under way, and keeps the last answer", async () => {
  const edge = new Edge();
  const waiting: ((response: Response) => void)[] = [];
  edge.routes.set(SEARCH, () => new Promise((resolve) => waiting.push(resolve)));
  const page = open(<Box pause={20} />, { edge });
  const field = screen.getByLabelText("Question");
  await page.user.type(field, "  lake");
  await waitFor(() => expect(bodies(edge).at(-1)).toEqual({ query: "lake" }));
  await act(async () => waiting.at(-1)?.(answer([hit()])));
  expect(await screen.findByText("1 passage")).toBeDefined();

  const before = waiting.length;
  await page.user.type(field, "side");
  expect(screen.getByText("Searching…")).toBeDefined();
  expect(screen.getByRole("link", { name: "road.pdf" })).toBeDefined();
  await waitFor(() => expect(waiting.length).toBeGreaterThan(before));
  await waitFor(() => expect(bodies(edge).at(-1)).toEqual({ query: "lakeside" }));
  // An answer to an earlier question comes late: nobody sees it.
  await act(async () => waiting.at(-1)?.(answer([])));
  await act(async () => waiting[before - 1]?.(answer([hit()])));
  expect(await screen.findByText("Nothing was found for “lakeside”.")).toBeDefined();
  expect(screen.queryByRole("link")).toBeNull();

  await page.user.clear(field);
  expect(screen.getByRole("status").textContent).toBe("");
});

test("where the embedder is away, words alone are offered", async () => {
  const edge = new Edge();
  edge.routes.set(SEARCH, ({ body }: Arrived) =>
    (body as { mode?: string }).mode === "keyword"
      ? answer([hit({ ranks: { keyword: 1, vector: null } })], "keyword")
      : problem(503, "unavailable", "The embedder `mini` is away; `mode: keyword` works."),
  );
  const asked = vi.fn();
  const page = open(<Box onKeywords={asked} />, { edge, client: fast(edge) });
  await page.user.type(screen.getByLabelText("Question"), "lake");
  expect((await screen.findByRole("alert")).textContent).toContain("`mode: keyword` works");
  await page.user.click(screen.getByRole("button", { name: "Search by words only" }));
  expect(asked).toHaveBeenCalledOnce();
  await accessible();

  page.show(<Box onKeywords={asked} mode="keyword" />);
  expect(await screen.findByText("1 passage")).toBeDefined();
  expect(screen.queryByRole("alert")).toBeNull();
  expect(screen.getByRole("listitem").textContent).not.toContain("found by");
});

/** A client that does not wait between its tries. */
const fast = (edge: Edge) =>
  edge.client({
    clock: {
      now: Date.now,
      random: Math.random,
      after: (ms, run) => {
        const timer = setTimeout(run, ms > 1000 ? ms : 0);
        return () => clearTimeout(timer);
      },
    },
  });

test("a refusal stands in the place of the answer, and an empty question asks nothing", async () => {
  const edge = new Edge();
  edge.routes.set(SEARCH, () => problem(404, "not_found", "There is no collection `papers`."));
  const page = open(<Box />, { edge });
  expect(edge.requests).toEqual([]);
  await page.user.type(screen.getByLabelText("Question"), "lake");
  expect((await screen.findByRole("alert")).textContent).toBe("There is no collection `papers`.");
});

test("all collections are searched where none is named", async () => {
  const edge = new Edge();
  edge.routes.set("GET /v1/search", () => answer([hit({ collection: "letters" })], "keyword", 3));
  const page = open(<Box collection={undefined} />, { edge });
  await page.user.type(screen.getByLabelText("Question"), "lake");
  expect((await screen.findByRole("listitem")).textContent).toContain("letters");
  // Hits to the beginning of the question stay while the rest is asked for.
  const left = "3 collections were not searched: name some to do so.";
  expect(await screen.findByText(left)).toBeDefined();
});

const collection = (name: string): Collection => ({
  name,
  chunker: { kind: "hybrid" },
  embedder: null,
  dimensions: null,
  distance: "cosine",
  documents: 1,
  chunks: 12,
  bytes: 4000,
  created_at: "2026-11-20T13:08:25Z",
  updated_at: "2026-11-20T13:08:25Z",
});

function Shelf(): ReactNode {
  const { collections, loading, error, hasMore, loadMore, put, remove } = useCollections({
    limit: 2,
  });
  return (
    <div>
      <p>{loading ? "loading" : collections.map(({ name }) => name).join(" ")}</p>
      <p>{error?.code}</p>
      {hasMore && (
        <button type="button" onClick={loadMore}>
          more
        </button>
      )}
      <button type="button" onClick={() => void put("d", { embedder: null })}>
        make
      </button>
      <button type="button" onClick={() => void remove("a")}>
        drop
      </button>
    </div>
  );
}

test("collections come in pages, and stay loaded when they are asked for anew", async () => {
  const edge = new Edge();
  const names = ["a", "b", "c"];
  edge.lists.set("/v1/collections", (query) => {
    const all = names.filter((name) => name > (query.get("cursor") ?? "")).map(collection);
    const items = all.slice(0, 2);
    return { items, next: all.length > 2 ? items.at(-1)?.name : null };
  });
  edge.routes.set("PUT /v1/collections/d", () => {
    names.push("d");
    return Response.json(collection("d"));
  });
  edge.routes.set("DELETE /v1/collections/a", () => {
    names.shift();
    return new Response(null, { status: 204 });
  });
  const page = open(<Shelf />, { edge });
  expect(await screen.findByText("a b")).toBeDefined();
  await page.user.click(screen.getByRole("button", { name: "more" }));
  expect(await screen.findByText("a b c")).toBeDefined();
  expect(screen.queryByRole("button", { name: "more" })).toBeNull();
  await page.user.click(screen.getByRole("button", { name: "make" }));
  expect(await screen.findByText("a b c d")).toBeDefined();
  await page.user.click(screen.getByRole("button", { name: "drop" }));
  expect(await screen.findByText("b c d")).toBeDefined();
});

function One({ name }: { name: string }): ReactNode {
  const { collection, documents, error, removeDocument } = useCollection(name);
  return (
    <div>
      <p>{collection && `${collection.name} has ${documents.map(({ filename }) => filename)}`}</p>
      <p>{error?.message}</p>
      <button type="button" onClick={() => void removeDocument("e1")}>
        remove
      </button>
    </div>
  );
}

test("a collection has its documents, and not those of the one before", async () => {
  const edge = new Edge();
  let there = [{ id: "e1", filename: "road.pdf" }];
  edge.routes.set("GET /v1/collections/papers", () => Response.json(collection("papers")));
  edge.lists.set("/v1/collections/papers/documents", () => ({ items: there }));
  edge.routes.set("DELETE /v1/collections/papers/documents/e1", () => {
    there = [];
    return new Response(null, { status: 204 });
  });
  edge.routes.set("GET /v1/collections/none", () => problem(404, "not_found", "None."));
  edge.routes.set("GET /v1/collections/none/documents", () => problem(404, "not_found", "None."));
  const page = open(<One name="papers" />, { edge });
  expect(await screen.findByText("papers has road.pdf")).toBeDefined();
  await page.user.click(screen.getByRole("button", { name: "remove" }));
  expect(await screen.findByText("papers has")).toBeDefined();
  page.show(<One name="none" />);
  expect(await screen.findByText("None.")).toBeDefined();
  expect(screen.queryByText("papers has")).toBeNull();
});

test("its texts are there in both languages, and can be one's own", async () => {
  const places = (texts: typeof searchEn) =>
    Object.entries(texts).map(([key, text]) => [key, (text.match(/\{\w+\}/g) ?? []).sort()]);
  expect(places(searchFr)).toEqual(places(searchEn));
  const edge = new Edge();
  edge.routes.set(SEARCH, () => answer([]));
  const texts = { "search.hint": "Demandez à Marie." };
  const page = open(<Box />, { edge, locale: "fr", texts });
  await page.user.type(screen.getByLabelText("Question"), "lac");
  expect(await screen.findByText("Demandez à Marie.")).toBeDefined();
  expect(screen.getByText(/Rien n’a été trouvé/)).toBeDefined();
});
