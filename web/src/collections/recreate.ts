/**
 * Of what a collection is made anew. Enters: its documents. Leaves: the sources of one job, and
 * those documents that are stored nowhere any more. Pure.
 */
import type { CollectionDocument, IngestSource } from "@milepost/client";

/** Sources of one job. */
export const MOST = 1000;

export interface Remake {
  readonly sources: readonly IngestSource[];
  readonly lost: readonly CollectionDocument[];
}

export function remakeOf(documents: readonly CollectionDocument[]): Remake {
  const byDocument = new Map<string, CollectionDocument[]>();
  const lost: CollectionDocument[] = [];
  for (const entry of documents) {
    if (entry.document == null) lost.push(entry);
    else byDocument.set(entry.document, [...(byDocument.get(entry.document) ?? []), entry]);
  }
  const sources = [...byDocument].map(([document, entries]) => {
    const source = { document };
    const [entry] = entries;
    // A document of several texts has a key for each of them, which are found in it again.
    if (!entry || entries.length > 1) return { source };
    const { key, metadata } = entry;
    return { source, key, ...(Object.keys(metadata).length > 0 && { metadata }) };
  });
  return { sources, lost };
}
