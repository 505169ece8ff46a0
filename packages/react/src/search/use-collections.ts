"use client";
/**
 * One's own collections.
 *
 * Enters: nothing. Leaves: those loaded so far, by name, and orders. Never: one of somebody else.
 */

import type { Collection, CollectionWish, MilepostError } from "@milepost/client";
import { useMemo } from "react";
import { useMilepost } from "../provider.js";
import { usePaged } from "./use-paged.js";

/** What `useCollections` returns. Its orders reject with a `MilepostError`. */
export interface CollectionsView {
  readonly collections: readonly Collection[];
  readonly loading: boolean;
  readonly error: MilepostError | undefined;
  readonly hasMore: boolean;
  loadMore(): void;
  refresh(): void;
  /** Makes one, or changes it. */
  put(name: string, wish?: CollectionWish): Promise<Collection>;
  /** Deletes one and all that is in it. */
  remove(name: string): Promise<void>;
}

/** Lists collections, `limit` at a time (1 to 200; 50 by default). */
export function useCollections({ limit }: { limit?: number } = {}): CollectionsView {
  const client = useMilepost();
  const { items, loading, error, hasMore, loadMore, refresh } = usePaged(
    client,
    `collections ${limit}`,
    (cursor, signal) =>
      client.collections.list({
        signal,
        ...(cursor !== undefined && { cursor }),
        ...(limit !== undefined && { limit }),
      }),
  );
  return useMemo(
    () => ({
      collections: items,
      loading,
      error,
      hasMore,
      loadMore,
      refresh,
      async put(name, wish) {
        const made = await client.collections.put(name, wish);
        refresh();
        return made;
      },
      async remove(name) {
        await client.collections.remove(name);
        refresh();
      },
    }),
    [client, items, loading, error, hasMore, loadMore, refresh],
  );
}
