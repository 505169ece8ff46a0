/**
 * A question, how it is searched, and what was found. Enters: the address, and the collection where
 * it is settled. Leaves: the address, with the question; the way to a hit. By keys: `/` leads to the
 * question, Enter asks at once, the arrows go through the hits and back.
 */
import type { Collection, SearchHit } from "@milepost/client";
import { SearchResults, useCollections, useSearch } from "@milepost/react/search";
import { type KeyboardEvent, useCallback, useEffect, useId, useRef, useState } from "react";
import { useLocation, useSearchParams } from "wouter";
import { useEmbedders } from "../collections/use-embedders";
import { useTexts } from "../texts/texts";
import { Icon } from "../ui/icons";
import { type Asked, askedOf, hitPath, MODES, queryOf, STEPS } from "./address";
import "../styles/search.css";

/** ms of rest after a key before the server is asked. */
const PAUSE = 300;

const hitLinks = (): HTMLElement[] => [...document.querySelectorAll<HTMLElement>("[data-hit]")];

export function Finder({ within }: { within: Collection | undefined }) {
  const t = useTexts();
  const id = useId();
  const [, navigate] = useLocation();
  const [query, setQuery] = useSearchParams();
  const asked = askedOf(query);
  const { embedders, reranks } = useEmbedders();
  const { collections } = useCollections({ limit: 200 });
  const field = useRef<HTMLInputElement>(null);
  const [text, setText] = useState(asked.q);
  const [given, setGiven] = useState(asked.q);
  /** The question for which Enter was pressed: it waits for nothing. */
  const [urgent, setUrgent] = useState<string>();
  // The address changed by other means: back, a link.
  if (asked.q !== given) {
    setGiven(asked.q);
    setText(asked.q);
  }

  const name = within?.name ?? asked.collection;
  const single = within ?? collections.find((one) => one.name === name);
  const { language, file, k } = asked;
  const filter = { ...(language && { language }), ...(file && { filename: file }) };
  const search = useSearch(text, {
    k,
    pause: text === urgent ? 0 : PAUSE,
    ...(asked.mode && { mode: asked.mode }),
    ...(name && { collection: name, filter }),
    ...(asked.rerank && { rerank: true }),
  });

  const change = useCallback(
    (next: Partial<Asked>, replace = false) =>
      setQuery((before) => queryOf({ ...askedOf(before), ...next }), { replace }),
    [setQuery],
  );
  // What was asked stands in the address. While one types, that is no step to go back to.
  const settled = search.query === "" ? "" : search.answer?.query;
  useEffect(() => {
    if (settled === undefined || settled === given || settled !== text.trim()) return;
    setGiven(settled);
    change({ q: settled, k: STEPS[0] }, true);
  }, [settled, given, text, change]);

  const open = useCallback(
    (hit: SearchHit) => {
      const path = hitPath(hit);
      if (path) navigate(path);
    },
    [navigate],
  );
  const several = new Set(search.hits.map(({ document }) => document.filename)).size > 1;
  const actions = useCallback(
    ({ document: { filename } }: SearchHit) =>
      name !== "" &&
      several && (
        <button
          type="button"
          className="link-button"
          onClick={() => change({ file: filename, k: STEPS[0] })}
        >
          <span aria-hidden="true">{t.onlyDocument}</span>
          <span className="visually-hidden">{t.onlyDocumentNamed(filename)}</span>
        </button>
      ),
    [name, several, change, t],
  );

  function press(event: KeyboardEvent): void {
    const links = hitLinks();
    const here = links.indexOf(document.activeElement as HTMLElement);
    if (event.key === "ArrowDown" && event.target === field.current && links[0]) links[0].focus();
    else if (event.key === "ArrowUp" && here === 0) field.current?.focus();
    else return;
    event.preventDefault();
  }

  const meaning = name ? single?.embedder != null : embedders.length > 0;
  const languages = [...new Set([language, ...search.hits.map((hit) => hit.language ?? "")])];
  const known = languages.filter(Boolean).sort();
  const nextStep = STEPS.find((step) => step > k);

  return (
    <search className="finder stack" onKeyDown={press}>
      <form
        className="finder-form"
        onSubmit={(event) => {
          event.preventDefault();
          setUrgent(text);
        }}
      >
        <div className="search-field">
          <Icon name="search" />
          <input
            ref={field}
            type="search"
            className="input"
            data-shortcut="/"
            data-first-focus={within ? undefined : ""}
            aria-label={within ? t.findIn(within.name) : t.findLabel}
            aria-describedby={`${id}-hint`}
            placeholder={within ? t.findIn(within.name) : t.findLabel}
            enterKeyHint="search"
            value={text}
            onChange={({ target }) => setText(target.value)}
          />
        </div>
        {!within && (
          <select
            className="input"
            aria-label={t.collection}
            value={name}
            onChange={({ target }) =>
              change({ collection: target.value, language: "", file: "", k: STEPS[0] })
            }
          >
            <option value="">{t.findAll}</option>
            {name && !single && <option value={name}>{name}</option>}
            {collections.map((one) => (
              <option key={one.name} value={one.name}>
                {one.name}
              </option>
            ))}
          </select>
        )}
        {(meaning || asked.mode !== "") && (
          <select
            className="input"
            aria-label={t.findMode}
            value={asked.mode}
            onChange={({ target }) => change({ mode: target.value as Asked["mode"] })}
          >
            {MODES.map((mode) => (
              <option key={mode} value={mode}>
                {t.modes[mode]}
              </option>
            ))}
          </select>
        )}
        {name !== "" && known.length > (language ? 0 : 1) && (
          <select
            className="input"
            aria-label={t.findLanguage}
            value={language}
            onChange={({ target }) => change({ language: target.value, k: STEPS[0] })}
          >
            <option value="">{t.anyLanguage}</option>
            {known.map((code) => (
              <option key={code} value={code}>
                {languageName(code, t.languageTag)}
              </option>
            ))}
          </select>
        )}
        {reranks && (
          <label className="check small">
            <input
              type="checkbox"
              checked={asked.rerank}
              onChange={({ target }) => change({ rerank: target.checked })}
            />
            {t.rerank}
          </label>
        )}
      </form>
      {file && (
        <button
          type="button"
          className="button small filter-chip"
          onClick={() => change({ file: "", k: STEPS[0] })}
        >
          <span aria-hidden="true">{t.onlyIn(file)}</span>
          <span className="visually-hidden">{t.dropFilter(file)}</span>
          <Icon name="close" />
        </button>
      )}
      <p id={`${id}-hint`} className={text === "" && !within ? "hint" : "visually-hidden"}>
        {t.findHint}
      </p>
      <SearchResults
        search={search}
        hrefOf={hitPath}
        onOpen={open}
        onKeywords={() => change({ mode: "keyword" })}
        actions={actions}
      />
      {search.hits.length >= k && nextStep && (
        <button type="button" className="button" onClick={() => change({ k: nextStep })}>
          {t.findMore}
        </button>
      )}
    </search>
  );
}

/** `en` is English, in the reader's language. */
function languageName(code: string, locale: string): string {
  try {
    return new Intl.DisplayNames(locale, { type: "language" }).of(code) ?? code;
  } catch {
    return code;
  }
}
