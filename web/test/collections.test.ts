/** Collections and searches: their addresses, what a collection is made anew of, its pieces. */
import type { CollectionDocument, Job, SearchHit } from "@milepost/client";
import { expect, test } from "vitest";
import { collectionIn, collectionPath } from "../src/collections/address";
import { comingOf, failureOf, parseDismissed } from "../src/collections/dismissed";
import { remakeOf } from "../src/collections/recreate";
import { parseChunks, parseFailures } from "../src/result/pieces";
import { hasPages, viewsOf } from "../src/result/views";
import { askedOf, hitPath, queryOf } from "../src/search/address";
import { en } from "../src/texts/en";
import { fr } from "../src/texts/fr";
import { reasonOf } from "../src/ui/names";
import { submissionOf } from "../src/uploads/settings";

test("a collection of any name has an address of its own", () => {
  for (const name of ["papers", "a/b", "50 % of ?#&", "%2F", "日本", "..", "a b"]) {
    const { pathname } = new URL(collectionPath(name), "https://milepost.example");
    if (name !== "..") expect(collectionIn(pathname)).toBe(name);
  }
  expect(collectionIn("/app/collections/")).toBeUndefined();
  expect(collectionIn("/app/collections")).toBeUndefined();
  expect(collectionIn("/app/collections/%E0%A4%A")).toBeUndefined();
  expect(collectionIn("/app/jobs/papers")).toBeUndefined();
});

test("what is searched stands in the address, and only what is set", () => {
  const text = "q=how+far%3F&mode=hybrid&collection=a%2Fb&language=en&file=a.pdf&rerank=&k=30";
  const asked = askedOf(new URLSearchParams(text));
  expect(asked).toEqual({
    q: "how far?",
    mode: "hybrid",
    collection: "a/b",
    language: "en",
    file: "a.pdf",
    rerank: true,
    k: 30,
  });
  expect(queryOf(asked).toString()).toBe(text);
  const foreign = askedOf(new URLSearchParams("mode=magic&k=1000000"));
  expect(foreign).toMatchObject({ q: "", mode: "", k: 10, rerank: false });
  expect(queryOf(foreign).toString()).toBe("");
});

test("a hit leads to its document at the page on which it begins", () => {
  const hit = (document: string | null, pages: SearchHit["pages"]) =>
    ({ document: { id: document }, pages }) as SearchHit;
  expect(hitPath(hit("d1", { first: 3, last: 4 }))).toBe("/app/documents/d1?page=3");
  expect(hitPath(hit("d1", null))).toBe("/app/documents/d1");
  expect(hitPath(hit(null, null))).toBeUndefined();
});

test("a collection is made anew of what is stored, each document once", () => {
  const entry = (key: string, document: string | null, metadata = {}) =>
    ({ key, document, filename: `${key}.pdf`, metadata }) as CollectionDocument;
  const { sources, lost } = remakeOf([
    entry("a", "1", { year: 1900 }),
    entry("b", "2"),
    entry("c#1", "3"),
    entry("c#2", "3"),
    entry("gone", null),
  ]);
  expect(sources).toEqual([
    { source: { document: "1" }, key: "a", metadata: { year: 1900 } },
    { source: { document: "2" }, key: "b" },
    { source: { document: "3" } },
  ]);
  expect(lost.map(({ filename }) => filename)).toEqual(["gone.pdf"]);
});

test("what failed is shown until it is dismissed, however it became known", () => {
  const job = (id: string, status: Job["status"], seq = 1, attempt = 1) =>
    ({ id, status, seq, attempt }) as Job;
  const shown = (listed: Job[], failed: Job[], dismissed: string[] = []) =>
    comingOf(listed, failed, dismissed).map(({ id, status }) => `${id} ${status}`);
  // Never seen under way; behind all that the list of the newest has; in both lists.
  expect(shown([job("3", "failed"), job("2", "completed")], [])).toEqual(["3 failed"]);
  expect(shown([job("2", "running")], [job("1", "failed")])).toEqual(["2 running", "1 failed"]);
  expect(shown([job("1", "failed")], [job("1", "failed")])).toEqual(["1 failed"]);
  // Either list may be behind the other.
  expect(shown([job("1", "queued", 5)], [job("1", "failed", 4)])).toEqual(["1 queued"]);
  expect(shown([job("1", "running", 4)], [job("1", "failed", 5)])).toEqual(["1 failed"]);
  expect(shown([job("1", "completed", 5)], [job("1", "failed", 4)])).toEqual([]);
  // A retry that fails is another failure.
  const dismissed = [failureOf(job("1", "failed"))];
  expect(shown([], [job("1", "failed")], dismissed)).toEqual([]);
  expect(shown([], [job("1", "failed", 9, 2)], dismissed)).toEqual(["1 failed"]);
});

test("what was dismissed is believed no further than it fits", () => {
  expect(parseDismissed('["a 1", 7, null, "b 2"]')).toEqual(["a 1", "b 2"]);
  for (const stored of [null, "", "{}", "no json", "7"]) expect(parseDismissed(stored)).toEqual([]);
});

test.each([en, fr])("a locked document is told of in words for people ($languageTag)", (t) => {
  const message = "The PDF is encrypted; send its password in options.password.";
  const error = { code: "document_encrypted", message };
  expect(reasonOf(error, t)).toBe(t.failures.document_encrypted);
  expect(t.whatToDo.document_encrypted).toContain(t.convertAgain);
  expect(reasonOf({ ...error, code: "worker_failed", message: "It rains." }, t)).toBe("It rains.");
});

test("only what is put into a collection names one", () => {
  const options = {};
  expect(submissionOf({ pipeline: "ingest", options, collection: " papers " })).toEqual({
    pipeline: "ingest",
    options,
    collection: "papers",
  });
  expect(submissionOf({ pipeline: "ingest", options, collection: "" })).toEqual({
    pipeline: "ingest",
    options,
  });
  expect(submissionOf({ pipeline: "convert", options, collection: "papers" })).toEqual({
    pipeline: "convert",
    options,
  });
});

const stages = (unit: string) => [{ name: "extracting", unit }] as Job["stages"];

test("an indexed document can be read, several in one job cannot", () => {
  const job = { pipeline: "ingest", result: null } as const;
  expect(viewsOf({ ...job, stages: stages("page") })).toEqual(["reading", "chunks"]);
  expect(viewsOf({ ...job, stages: stages("document") })).toEqual(["chunks"]);
  const completed = { pipeline: "ingest", status: "completed" } as Job;
  expect(hasPages({ ...completed, stages: stages("page") })).toBe(true);
  expect(hasPages({ ...completed, stages: stages("document") })).toBe(false);
  expect(hasPages({ ...completed, status: "failed", stages: stages("page") })).toBe(false);
});

test("chunks and what could not be read are believed no further than they fit", () => {
  const json = JSON.stringify({
    chunks: [
      { id: "0-1", text: "a", headings: ["H"], pages: [3, 4], source: "a.pdf", words: 1 },
      { id: "0-2", text: "b", headings: 7, pages: "3", source: 8 },
      { id: "0-3" },
      "chunk",
    ],
    failures: [{ place: 1, source: "b.pdf", message: "It is damaged." }, { source: "c.pdf" }, 7],
  });
  expect(parseChunks(json)).toEqual([
    { id: "0-1", text: "a", headings: ["H"], pages: [3, 4], source: "a.pdf", words: 1 },
    { id: "0-2", text: "b", headings: [] },
  ]);
  expect(parseFailures(json)).toEqual([{ source: "b.pdf", message: "It is damaged." }]);
  expect(parseFailures("no json")).toEqual([]);
});
