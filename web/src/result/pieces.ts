/**
 * Sentences and chunks. Enters: results of `sentences` and `ingest` as JSON, of which nothing is
 * believed. Leaves: what is shown of them. Pure.
 */

export interface Chunk {
  readonly id: string;
  readonly text: string;
  readonly headings: readonly string[];
  readonly words: number | undefined;
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
  return listIn(json, "chunks").flatMap(({ id, text, headings, words }) =>
    typeof text === "string"
      ? [
          {
            id: String(id),
            text,
            headings: Array.isArray(headings) ? headings.map(String) : [],
            words: typeof words === "number" ? words : undefined,
          },
        ]
      : [],
  );
}
