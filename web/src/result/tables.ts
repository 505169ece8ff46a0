/**
 * The tables of a document. Enters: a DoclingDocument as JSON, of which nothing is believed.
 * Leaves: grids of texts; the same as CSV. Pure.
 */

export interface Cell {
  readonly text: string;
  readonly header: boolean;
}

export interface Table {
  /** The document's page, from 1, where it has pages. */
  readonly page: number | undefined;
  readonly rows: readonly (readonly Cell[])[];
}

/** The most cells of one table that are made: a span may claim any number. */
const MOST_CELLS = 200_000;
const EMPTY: Cell = { text: "", header: false };

type Fields = Readonly<Record<string, unknown>>;

const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const listOf = (value: unknown): readonly Fields[] =>
  Array.isArray(value) ? value.filter(isFields) : [];

const indexOf = (value: unknown): number | undefined =>
  Number.isSafeInteger(value) && (value as number) >= 0 ? (value as number) : undefined;

/** A cell that covers several places stands in each of them, as a reader of CSV expects it. */
function gridOf(cells: readonly Fields[]): Cell[][] {
  const rows: Cell[][] = [];
  let made = 0;
  for (const cell of cells) {
    const top = indexOf(cell.start_row_offset_idx);
    const left = indexOf(cell.start_col_offset_idx);
    if (top === undefined || left === undefined) continue;
    const bottom = indexOf(cell.end_row_offset_idx) ?? top + 1;
    const right = indexOf(cell.end_col_offset_idx) ?? left + 1;
    const text = typeof cell.text === "string" ? cell.text : "";
    const filled = { text, header: cell.column_header === true };
    made += (bottom - top) * (right - left);
    if (made > MOST_CELLS || bottom > MOST_CELLS || right > MOST_CELLS) return rows;
    for (let row = top; row < bottom; row += 1) {
      rows[row] ??= [];
      for (let column = left; column < right; column += 1) (rows[row] as Cell[])[column] = filled;
    }
  }
  const width = rows.reduce((most, row) => Math.max(most, row?.length ?? 0), 0);
  // Two cells far apart leave as many empty ones between them.
  if (rows.length * width > MOST_CELLS * 10) return [];
  return Array.from(rows, (row) =>
    Array.from({ length: width }, (_, column) => row?.[column] ?? EMPTY),
  );
}

/** All tables in their order. Empty where the text is no such document. */
export function parseTables(json: string): Table[] {
  let document: unknown;
  try {
    document = JSON.parse(json);
  } catch {
    return [];
  }
  if (!isFields(document)) return [];
  const tables = listOf(document.tables).map(({ data, prov }) => ({
    page: indexOf(listOf(prov)[0]?.page_no),
    rows: isFields(data) ? gridOf(listOf(data.table_cells)) : [],
  }));
  return tables.filter(({ rows }) => rows.length > 0);
}

/** What a program for tables would take for a formula: from a document, it is only text. */
const FORMULA = /^[=+\-@\t\r]/;
const NUMBER = /^[+-]?[\d\s.,]+%?$/;

function field(text: string): string {
  const safe = FORMULA.test(text) && !NUMBER.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** A table as CSV (RFC 4180). */
export function csvOf({ rows }: Table): string {
  return rows.map((row) => `${row.map(({ text }) => field(text)).join(",")}\r\n`).join("");
}
