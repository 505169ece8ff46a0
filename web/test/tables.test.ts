/** Tables out of documents, whatever a document says of them. */
import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { csvOf, parseTables } from "../src/result/tables";

const cell = (row: number, column: number, text: string, more: object = {}) => ({
  start_row_offset_idx: row,
  end_row_offset_idx: row + 1,
  start_col_offset_idx: column,
  end_col_offset_idx: column + 1,
  text,
  column_header: row === 0,
  ...more,
});

const document = (...cells: object[]) =>
  JSON.stringify({ tables: [{ prov: [{ page_no: 3 }], data: { table_cells: cells } }] });

const texts = (json: string) =>
  parseTables(json).map(({ rows }) => rows.map((row) => row.map(({ text }) => text)));

test("cells stand in their places, and in each place that they cover", () => {
  const json = document(
    cell(0, 0, "Place", { end_col_offset_idx: 2 }),
    cell(1, 0, "Alderbrook"),
    cell(1, 1, "14"),
  );
  expect(texts(json)).toEqual([
    [
      ["Place", "Place"],
      ["Alderbrook", "14"],
    ],
  ]);
  const [table] = parseTables(json);
  expect(table?.page).toBe(3);
  expect(table?.rows[0]?.[0]?.header).toBe(true);
  expect(table?.rows[1]?.[0]?.header).toBe(false);
});

test("places that no cell claims are empty", () => {
  expect(texts(document(cell(0, 1, "b"), cell(2, 0, "c")))).toEqual([
    [
      ["", "b"],
      ["", ""],
      ["c", ""],
    ],
  ]);
});

test.each([
  ["no JSON", "{"],
  ["no object", "[]"],
  ["no tables", '{"tables": 7}'],
  ["no cells", '{"tables": [{"data": {"table_cells": "x"}}, null, {"data": null}]}'],
  ["no places", '{"tables": [{"data": {"table_cells": [{"text": "x"}]}}]}'],
])("%s: there are no tables", (_, json) => {
  expect(parseTables(json)).toEqual([]);
});

test("a span that claims too much is not made", () => {
  const huge = cell(0, 0, "x", { end_row_offset_idx: 1e9, end_col_offset_idx: 1e9 });
  expect(parseTables(document(huge))).toEqual([]);
});

test("cells that lie too far apart are not made with all between them", () => {
  expect(parseTables(document(cell(150_000, 0, "x"), cell(0, 150_000, "y")))).toEqual([]);
});

test("CSV: quotes, commas and lines are enclosed; what looks like a formula is text", () => {
  const [table] = parseTables(
    document(
      cell(0, 0, 'a "b"'),
      cell(0, 1, "c,d"),
      cell(0, 2, "e\nf"),
      cell(1, 0, "=SUM(A1)"),
      cell(1, 1, "-14.5 %"),
      cell(1, 2, "+1,200"),
    ),
  );
  expect(table && csvOf(table)).toBe('"a ""b""","c,d","e\nf"\r\n\'=SUM(A1),-14.5 %,"+1,200"\r\n');
});

test("the tables that the server made of a workbook", async () => {
  const golden = new URL("golden/workbook.json", import.meta.url);
  const [counts, distances] = parseTables(await readFile(golden, "utf8"));
  expect(counts?.rows[0]?.map(({ text }) => text)).toEqual([
    "Place",
    "Stones",
    "Upright",
    "Readable",
  ]);
  expect(distances?.page).toBe(2);
});
