/**
 * Sentences and chunks. Enters: results of `sentences` and `ingest` as JSON, of which nothing is
 * believed. Leaves: what is shown of them. Pure.
 */

export interface Chunk {
  readonly id: string;
  readonly text: string;
  readonly headings: readonly string[];
  readonly words: number | undefined;
  /** The document that it is of, where a job has several. */
  readonly source: string | undefined;
  /** The first and the last page that it stands on. */
  readonly pages: readonly [number, number] | undefined;
}

/** A document of several that could not be read. */
export interface Unread {
  readonly source: string;
  readonly message: string;
}

type Fields = Readonly<Record<string, unknown>>;

const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function listIn(json: string, name: string): readonly Fields[] {
  try {
    const value: unknown = JSON.parse(json);
    const list = isFields(value) ? value[name] : undefined;
    return Array.isArray(list) ? list.filter(isFields) : [];
  } catch {
    return [];
  }
}

/** The sentences in their order. */
export function parseSentences(json: string): string[] {
  return listIn(json, "sentences").flatMap(({ normalized }) =>
    typeof normalized === "string" ? [normalized] : [],
  );
}

/** The chunks in their order. */
export function parseChunks(json: string): Chunk[] {
  return listIn(json, "chunks").flatMap(({ id, text, headings, words, source, pages }) =>
    typeof text === "string"
      ? [
          {
            id: String(id),
            text,
            headings: Array.isArray(headings) ? headings.map(String) : [],
            words: typeof words === "number" ? words : undefined,
            source: typeof source === "string" ? source : undefined,
            pages: pagesOf(pages),
          },
        ]
      : [],
  );
}

function pagesOf(value: unknown): readonly [number, number] | undefined {
  if (!Array.isArray(value)) return undefined;
  const [first, last] = value as readonly unknown[];
  return typeof first === "number" && typeof last === "number" ? [first, last] : undefined;
}

/** The documents that could not be read. */
export function parseFailures(json: string): Unread[] {
  return listIn(json, "failures").flatMap(({ source, message }) =>
    typeof message === "string" ? [{ source: String(source ?? ""), message }] : [],
  );
}
