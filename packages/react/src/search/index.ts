/**
 * `@milepost/react/search`: collections, and searches in them.
 *
 * Enters: nothing. Leaves: hooks and components. Never: a part of the main entry, so that whoever
 * does not search does not load it.
 */

export { Highlight, type HighlightProps } from "./highlight.js";
export { highlightParts, type Part } from "./parts.js";
export { SearchResults, type SearchResultsProps } from "./search-results.js";
export { en as searchEn, fr as searchFr } from "./texts.js";
export { type CollectionView, useCollection } from "./use-collection.js";
export { type CollectionsView, useCollections } from "./use-collections.js";
export { type SearchView, type SearchWish, useSearch } from "./use-search.js";
