"use client";
/**
 * What a search found.
 *
 * Enters: a search. Leaves: its passages, each with its document and its place in it, and how the
 * search stands. Never: a score as a bare number, which says nothing outside of its answer.
 */

import type { SearchHit } from "@milepost/client";
import { type KeyboardEvent, memo, type ReactNode } from "react";
import { classes } from "../classes.js";
import { faultText } from "../fault.js";
import { useFormat, useTexts } from "../provider.js";
import { Highlight } from "./highlight.js";
import { highlightParts } from "./parts.js";
import { useSearchTexts } from "./texts.js";
import type { SearchView } from "./use-search.js";

/** Props of `SearchResults`. */
export interface SearchResultsProps {
  /** What `useSearch` returned. */
  search: SearchView;
  /** Where a hit leads; one that leads nowhere is text, and so are all without `onOpen`. */
  hrefOf?: ((hit: SearchHit) => string | undefined) | undefined;
  /** Called with the hit whose name is chosen, in the place of following its link. */
  onOpen?: ((hit: SearchHit) => void) | undefined;
  /** Called where the server's embedder is away and words alone can still be searched. */
  onKeywords?: (() => void) | undefined;
  /** More for a hit: filters, buttons. Give a function that stays the same. */
  actions?: ((hit: SearchHit) => ReactNode) | undefined;
  className?: string | undefined;
}

/** Moves the focus from one hit to the next. */
function move(event: KeyboardEvent<HTMLElement>): void {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  const names = [...event.currentTarget.querySelectorAll<HTMLElement>("[data-hit]")];
  const here = names.indexOf(document.activeElement as HTMLElement);
  if (step === undefined || here < 0) return;
  const next = names[here + step];
  if (!next) return;
  event.preventDefault();
  next.focus();
  next.closest("li")?.scrollIntoView?.({ block: "nearest" });
}

/** Shows the passages of a search; arrow keys go through them. */
export function SearchResults(props: SearchResultsProps): ReactNode {
  const { search, hrefOf, onOpen, onKeywords, actions, className } = props;
  const { query, answer, hits, searching, error, mode, collection, reload } = search;
  const common = useTexts();
  const texts = useSearchTexts();
  const format = useFormat();
  const found = format.fill(texts[`search.count.${format.plural(hits.length)}`], {
    count: hits.length,
  });
  const leftOut = answer?.left_out ?? 0;
  const opened = hits.map((hit) => [hit, hrefOf?.(hit)] as const);
  const nothing = answer !== undefined && hits.length === 0 && !searching;
  const wordsHelp = error?.code === "unavailable" && mode !== "keyword" && onKeywords !== undefined;
  return (
    <div className={classes("mp-search", className)} aria-busy={searching}>
      <p className="mp-search-status" role="status">
        {query === "" || error
          ? ""
          : searching
            ? texts["search.searching"]
            : nothing
              ? format.fill(texts["search.none"], { query: answer.query })
              : answer && found}
      </p>
      {nothing && <p className="mp-search-hint">{texts["search.hint"]}</p>}
      {leftOut > 0 && !searching && (
        <p className="mp-search-hint">
          {format.fill(texts[`search.left.${format.plural(leftOut)}`], { count: leftOut })}
        </p>
      )}
      {error && query !== "" && !searching && (
        <div className="mp-search-error" role="alert">
          <p>{faultText(error, common)}</p>
          {wordsHelp && (
            <button type="button" className="mp-button" onClick={onKeywords}>
              {texts["search.keywords"]}
            </button>
          )}
          {error.retryable && (
            <button type="button" className="mp-button" onClick={reload}>
              {common["boundary.retry"]}
            </button>
          )}
        </div>
      )}
      {hits.length > 0 && (
        <ol className="mp-hits" aria-label={texts["search.results"]} onKeyDown={move}>
          {opened.map(([hit, href]) => (
            <Hit
              key={`${hit.collection} ${hit.document.entry} ${hit.id}`}
              hit={hit}
              mixed={answer?.mode === "hybrid"}
              several={collection === undefined}
              href={href}
              onOpen={hrefOf && href === undefined ? undefined : onOpen}
              actions={actions}
            />
          ))}
        </ol>
      )}
    </div>
  );
}

interface HitProps extends Pick<SearchResultsProps, "onOpen" | "actions"> {
  hit: SearchHit;
  /** Found by words and by meaning: it says by which. */
  mixed: boolean;
  /** Several collections were searched: it says in which it is. */
  several: boolean;
  href: string | undefined;
}

const Hit = memo(function Hit(props: HitProps): ReactNode {
  const { hit, mixed, several, href, onOpen, actions } = props;
  const texts = useSearchTexts();
  const format = useFormat();
  const { document, pages, headings, highlight, text, ranks } = hit;
  const facts = [
    document.title ? document.filename : undefined,
    pages &&
      (pages.first === pages.last
        ? format.fill(texts["search.page"], { page: pages.first })
        : format.fill(texts["search.pages"], { first: pages.first, last: pages.last })),
    several ? hit.collection : undefined,
    mixed ? format.fill(texts[byOf(ranks)], numbersOf(ranks)) : undefined,
  ].filter(Boolean);
  const shown = highlightParts(highlight).reduce((sum, part) => sum + part.text.length, 0);
  return (
    <li className="mp-hit">
      <p className="mp-hit-name">
        <Name name={document.title ?? document.filename} hit={hit} href={href} onOpen={onOpen} />
      </p>
      {headings.length > 0 && <p className="mp-hit-headings">{headings.join(" › ")}</p>}
      <p className="mp-hit-text">
        <Highlight html={highlight} />
      </p>
      {text.length > shown + 20 && (
        <details className="mp-hit-whole">
          <summary>{texts["search.whole"]}</summary>
          <p>{text}</p>
        </details>
      )}
      <div className="mp-hit-facts">
        <span>{facts.join(" · ")}</span>
        {actions?.(hit)}
      </div>
    </li>
  );
});

function Name({
  name,
  hit,
  href,
  onOpen,
}: Pick<HitProps, "hit" | "href" | "onOpen"> & { name: string }): ReactNode {
  if (href === undefined) {
    // It cannot be opened, and keys go through it with the others.
    if (!onOpen) {
      return (
        <span data-hit="" tabIndex={-1}>
          {name}
        </span>
      );
    }
    return (
      <button type="button" className="mp-hit-link" data-hit="" onClick={() => onOpen(hit)}>
        {name}
      </button>
    );
  }
  return (
    <a
      className="mp-hit-link"
      data-hit=""
      href={href}
      onClick={(event) => {
        // With a modifier the browser opens it elsewhere, as it does with any link.
        const { ctrlKey, metaKey, shiftKey, altKey } = event;
        if (!onOpen || ctrlKey || metaKey || shiftKey || altKey) return;
        event.preventDefault();
        onOpen(hit);
      }}
    >
      {name}
    </a>
  );
}

type Ranks = SearchHit["ranks"];

function byOf({ keyword, vector }: Ranks) {
  if (vector == null) return "search.by.keyword";
  return keyword == null ? "search.by.vector" : "search.by.both";
}

const numbersOf = ({ keyword, vector }: Ranks) => ({
  keyword: keyword ?? "",
  vector: vector ?? "",
});
