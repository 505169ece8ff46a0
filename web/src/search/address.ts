/**
 * What is searched, as it stands in the address, so that back, reload and a copied address keep it.
 * Enters: the query. Leaves: what is asked. Pure.
 */
import type { SearchHit, SearchMode } from "@milepost/client";

export interface Asked {
  readonly q: string;
  /** Empty leaves it to the server. */
  readonly mode: SearchMode | "";
  /** Empty: all of one's own. */
  readonly collection: string;
  readonly language: string;
  /** The name of the one document that is searched. */
  readonly file: string;
  readonly rerank: boolean;
  readonly k: number;
}

export const MODES = ["", "hybrid", "keyword", "vector"] as const;
/** How many passages are shown, and then how many more. */
export const STEPS = [10, 30, 100] as const;

/** Reads the query; what it does not know counts as not set. */
export function askedOf(query: URLSearchParams): Asked {
  const text = (name: string): string => query.get(name) ?? "";
  return {
    q: text("q"),
    mode: MODES.find((mode) => mode === text("mode")) ?? "",
    collection: text("collection"),
    language: text("language"),
    file: text("file"),
    rerank: query.has("rerank"),
    k: STEPS.find((step) => String(step) === text("k")) ?? STEPS[0],
  };
}

/** Writes the query: only what is set. */
export function queryOf({ rerank, k, ...texts }: Asked): URLSearchParams {
  const query = new URLSearchParams(Object.entries(texts).filter(([, value]) => value !== ""));
  if (rerank) query.set("rerank", "");
  if (k !== STEPS[0]) query.set("k", String(k));
  return query;
}

/** Where a hit can be read: its document, at the page on which the passage begins. */
export function hitPath({ document, pages }: SearchHit): string | undefined {
  if (!document.id) return undefined;
  return `/app/documents/${document.id}${pages ? `?page=${pages.first}` : ""}`;
}
