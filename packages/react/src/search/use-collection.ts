"use client";
/**
 * One collection and the documents in it.
 *
 * Enters: its name. Leaves: what it is like, its documents, and orders. Never: another one's
 * documents under its name.
 */

import type { Collection, CollectionDocument, MilepostError } from "@milepost/client";
import { useCallback, useMemo } from "react";
import { useLoad } from "../hooks/use-load.js";
import { useMilepost } from "../provider.js";
import { usePaged } from "./use-paged.js";

/** What `useCollection` returns. Its orders reject with a `MilepostError`. */
export interface CollectionView {
  /** `undefined` until it is known. */
  readonly collection: Collection | undefined;
  /** Those loaded so far, oldest first. */
  readonly documents: readonly CollectionDocument[];
  readonly loading: boolean;
  readonly error: MilepostError | undefined;
  /** Whether there are more documents than are loaded. */
  readonly hasMore: boolean;
  loadMore(): void;
  /** Loads it anew. Until that is there, what was known stays to be seen. */
  refresh(): void;
  /** Takes a document out of it; the stored document stays. */
  removeDocument(id: string): Promise<void>;
}

/** Loads a collection with its documents, `limit` at a time (1 to 200; 50 by default). */
export function useCollection(name: string, { limit }: { limit?: number } = {}): CollectionView {
  const client = useMilepost();
  const itself = useLoad(client, `collection ${name}`, (signal) =>
    client.collections.get(name, { signal }),
  );
  const list = usePaged(client, `${name} ${limit}`, (cursor, signal) =>
    client.collections.documents(name, {
      signal,
      ...(cursor !== undefined && { cursor }),
      ...(limit !== undefined && { limit }),
    }),
  );
  const { reload } = itself;
  const { refresh: again } = list;
  const refresh = useCallback(() => {
    reload();
    again();
  }, [reload, again]);
  const loading = itself.loading || list.loading;
  const error = itself.error ?? list.error;
  const { items, hasMore, loadMore } = list;
  const { value } = itself;
  return useMemo(
    () => ({
      collection: value,
      documents: items,
      loading,
      error,
      hasMore,
      loadMore,
      refresh,
      async removeDocument(id) {
        await client.collections.removeDocument(name, id);
        refresh();
      },
    }),
    [client, name, value, items, loading, error, hasMore, loadMore, refresh],
  );
}
