"use client";
/**
 * A search while it is typed.
 *
 * Enters: a question, where and how to look. Leaves: the newest answer, which stays to be seen
 * while the next one comes. Never: an answer to an earlier question behind that to a later one.
 */

import type {
  MilepostError,
  SearchAnswer,
  SearchHit,
  SearchMode,
  SearchOptions,
} from "@milepost/client";
import { useDebounced } from "../components/use-debounced.js";
import { useLoad } from "../hooks/use-load.js";
import { useMilepost } from "../provider.js";

/** Where and how to look. */
export interface SearchWish extends Pick<SearchOptions, "k" | "mode"> {
  readonly rerank?: boolean | undefined;
  /** One collection; with it `filter` can be used. */
  readonly collection?: string | undefined;
  /** Some collections, in the place of all one's own. */
  readonly collections?: readonly string[] | undefined;
  readonly filter?: SearchOptions["filter"] | undefined;
  /** Milliseconds without a change before the server is asked; 250 by default. */
  readonly pause?: number | undefined;
}

/** What `useSearch` returns. */
export interface SearchView {
  /** The question as it is now, without blanks around it. */
  readonly query: string;
  /** The newest answer, and the question that it answers. */
  readonly answer: (SearchAnswer & { readonly query: string }) | undefined;
  /** Those of the newest answer. */
  readonly hits: readonly SearchHit[];
  /** Whether an answer to the present question is awaited. */
  readonly searching: boolean;
  readonly error: MilepostError | undefined;
  /** The mode that was asked for; `undefined` leaves it to the server. */
  readonly mode: SearchMode | undefined;
  /** The one collection that is searched. */
  readonly collection: string | undefined;
  /** Asks again. */
  reload(): void;
}

const NONE: readonly SearchHit[] = Object.freeze([]);

/**
 * Searches as `text` changes, once it rests; what is asked for already is given up then. An empty
 * question asks nothing.
 */
export function useSearch(
  text: string,
  { collection, collections, filter, rerank, k, mode, pause = 250 }: SearchWish = {},
): SearchView {
  const client = useMilepost();
  const query = text.trim();
  const settled = useDebounced(query, pause);
  // Filters are mostly written in place: another object at each render, and the same filter.
  const key = JSON.stringify([settled, collection, collections, filter, rerank, k, mode]);
  const { value, error, loading, reload } = useLoad(
    client,
    query === "" || settled === "" ? undefined : key,
    async (signal) => {
      const how = {
        signal,
        ...(k !== undefined && { k }),
        ...(mode !== undefined && { mode }),
        ...(rerank !== undefined && { rerank }),
      };
      const answer =
        collection === undefined
          ? await client.searchAll(settled, { ...how, ...(collections && { collections }) })
          : await client.search(collection, settled, { ...how, ...(filter && { filter }) });
      return { ...answer, query: settled };
    },
    { keep: true },
  );
  const answer = query === "" || error ? undefined : value;
  const searching = query !== "" && (loading || query !== settled);
  return { query, answer, hits: answer?.hits ?? NONE, searching, error, mode, collection, reload };
}
