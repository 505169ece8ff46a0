"use client";
/**
 * The pages of a document, each as soon as it is there.
 *
 * Enters: a job of the pipeline `convert`. Leaves: one page, and ways to the others. Never: all
 * pages at once; a long document has hundreds.
 */

import type { Job, PageInfo } from "@milepost/client";
import { type ReactNode, useState } from "react";
import { faultText } from "../fault.js";
import { useLoad } from "../hooks/use-load.js";
import { usePages } from "../hooks/use-pages.js";
import { useFormat, useMilepost, useTexts } from "../provider.js";
import { Text } from "./result.js";

/** Props of `Pages`. */
export interface PagesProps {
  job: Job;
  renderMarkdown: ((markdown: string) => ReactNode) | undefined;
}

/** Shows the pages that are there. The first one that comes is opened. */
export function Pages({ job, renderMarkdown }: PagesProps): ReactNode {
  const texts = useTexts();
  const { pages, error } = usePages(job);
  const [chosen, choose] = useState<number | undefined>(undefined);
  const index = Math.max(
    0,
    pages.findIndex(({ page }) => page === chosen),
  );
  const page = pages[index];

  if (page === undefined) {
    return error === undefined ? (
      <p className="mp-note">{texts["viewer.nothing"]}</p>
    ) : (
      <p className="mp-error" role="alert">
        {faultText(error, texts)}
      </p>
    );
  }
  return (
    <>
      <PageNavigation
        pages={pages}
        index={index}
        total={job.document?.pages ?? undefined}
        onChoose={choose}
      />
      <Page
        key={`${job.attempt} ${page.page}`}
        job={job}
        page={page}
        renderMarkdown={renderMarkdown}
      />
    </>
  );
}

interface NavigationProps {
  pages: readonly PageInfo[];
  index: number;
  total: number | undefined;
  onChoose: (page: number) => void;
}

function PageNavigation({ pages, index, total, onChoose }: NavigationProps): ReactNode {
  const texts = useTexts();
  const format = useFormat();
  const go = (to: number) => {
    const page = pages[to];
    if (page !== undefined) onChoose(page.page);
  };
  const known = Math.max(total ?? 0, pages.at(-1)?.page ?? 0);
  return (
    <nav className="mp-pages" aria-label={texts["viewer.pages"]}>
      <button
        type="button"
        className="mp-button"
        aria-label={texts["viewer.previous"]}
        disabled={index === 0}
        onClick={() => go(index - 1)}
      >
        ‹
      </button>
      <select
        className="mp-input"
        aria-label={texts["viewer.page"]}
        value={index}
        onChange={(event) => go(Number(event.target.value))}
      >
        {pages.map(({ page }, place) => (
          <option key={page} value={place}>
            {format.fill(texts["viewer.page.of"], { page, total: known })}
          </option>
        ))}
      </select>
      <button
        type="button"
        className="mp-button"
        aria-label={texts["viewer.next"]}
        disabled={index === pages.length - 1}
        onClick={() => go(index + 1)}
      >
        ›
      </button>
    </nav>
  );
}

interface PageProps extends PagesProps {
  page: PageInfo;
}

function Page({ job, page, renderMarkdown }: PageProps): ReactNode {
  const client = useMilepost();
  const texts = useTexts();
  const format = useFormat();
  const { value, error, reload } = useLoad(
    client,
    `${job.id} ${page.page} ${page.created_at}`,
    (signal) => client.page(job.id, page.page, { signal }),
  );
  const title = format.fill(texts["viewer.page.failed"], { page: page.page });
  return (
    <article className="mp-page">
      {page.error != null && <p className="mp-error">{`${title} ${page.error}`}</p>}
      {error !== undefined && (
        <div className="mp-error" role="alert">
          <p>{faultText(error, texts)}</p>
          <button type="button" className="mp-button" onClick={reload}>
            {texts["action.retry"]}
          </button>
        </div>
      )}
      {value !== undefined && (
        <Text
          text={value}
          format="markdown"
          name={format.fill(texts["viewer.page.of"], {
            page: page.page,
            total: Math.max(job.document?.pages ?? 0, page.page),
          })}
          renderMarkdown={renderMarkdown}
        />
      )}
    </article>
  );
}
