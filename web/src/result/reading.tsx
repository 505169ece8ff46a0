/**
 * The pages of a job beneath each other, each drawn as soon as it is converted; only those in sight
 * are loaded. Enters: the job; the address, which may name a page. Beside them stands a list of their numbers to jump by.
 */
import { isTerminal, type Job, type PageInfo } from "@milepost/client";
import { useMilepost, usePages } from "@milepost/react";
import {
  defaultRangeExtractor,
  useVirtualizer,
  useWindowVirtualizer,
} from "@tanstack/react-virtual";
import { memo, type RefObject, useEffect, useRef, useState } from "react";
import { useSearchParams } from "wouter";
import { useTexts } from "../texts/texts";
import { Icon } from "../ui/icons";
import { Empty, Failure, Skeleton } from "../ui/states";
import { useLoad } from "../ui/use-load";
import Markdown from "./markdown";

export default function Reading({ job }: { job: Job }) {
  const t = useTexts();
  const { pages, error } = usePages(job);
  if (pages.length > 0) return <Pages jobId={job.id} pages={pages} />;
  if (error) return <Failure error={error} />;
  if (isTerminal(job.status)) {
    return job.status === "completed" ? (
      <Skeleton lines={6} />
    ) : (
      <Empty icon="file" title={t.noPages} />
    );
  }
  return (
    <Empty icon="clock" title={t.noPagesYet}>
      <p>{t.noPagesYetHint}</p>
    </Empty>
  );
}

/** Where an element begins on the page, as long as what is above it may grow. */
function useOffset(element: RefObject<HTMLElement | null>): number {
  const [offset, setOffset] = useState(0);
  useEffect(() => {
    const measure = (): void => {
      if (element.current) setOffset(element.current.getBoundingClientRect().top + scrollY);
    };
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(document.body);
    return () => observer.disconnect();
  }, [element]);
  return offset;
}

function Pages({ jobId, pages }: { jobId: string; pages: readonly PageInfo[] }) {
  const list = useRef<HTMLDivElement>(null);
  const offset = useOffset(list);
  const virtualizer = useWindowVirtualizer({
    count: pages.length,
    estimateSize: () => 700,
    overscan: 1,
    scrollMargin: offset,
    // Below the header, and the views' names.
    scrollPaddingStart: 120,
    getItemKey: (index) => pages[index]?.page ?? index,
  });
  const items = virtualizer.getVirtualItems();
  const middle = (virtualizer.scrollOffset ?? 0) + 240;
  const current = items.findLast(({ start }) => start <= middle)?.index ?? 0;

  // The page that the address names, as soon as it is there; once, so that one can go on from it.
  const [query] = useSearchParams();
  const wanted = Number(query.get("page"));
  const place = pages.findIndex(({ page }) => page === wanted);
  const shown = useRef(0);
  useEffect(() => {
    if (place < 0 || offset === 0 || shown.current === wanted) return;
    shown.current = wanted;
    virtualizer.scrollToIndex(place, { align: "start" });
  }, [virtualizer, place, offset, wanted]);

  return (
    <div className="reading">
      {pages.length > 1 && (
        <PageNumbers
          pages={pages}
          current={current}
          onJump={(index) => virtualizer.scrollToIndex(index, { align: "start" })}
        />
      )}
      <div ref={list} className="pages" style={{ height: virtualizer.getTotalSize() }}>
        {items.map((item) => {
          const page = pages[item.index];
          return (
            page && (
              <div
                key={item.key}
                ref={virtualizer.measureElement}
                data-index={item.index}
                className="page-slot"
                style={{ transform: `translateY(${item.start - offset}px)` }}
              >
                <Page jobId={jobId} info={page} alone={pages.length === 1} />
              </div>
            )
          );
        })}
      </div>
    </div>
  );
}

interface PageNumbersProps {
  readonly pages: readonly PageInfo[];
  readonly current: number;
  readonly onJump: (index: number) => void;
}

function PageNumbers({ pages, current, onJump }: PageNumbersProps) {
  const t = useTexts();
  const frame = useRef<HTMLElement>(null);
  const virtualizer = useVirtualizer({
    count: pages.length,
    estimateSize: () => 36,
    getScrollElement: () => frame.current,
    overscan: 6,
    // The last one is always there, so that keyboards and screen readers reach it.
    rangeExtractor: (range) => [...new Set([...defaultRangeExtractor(range), pages.length - 1])],
  });
  useEffect(() => virtualizer.scrollToIndex(current, { align: "auto" }), [virtualizer, current]);
  return (
    <nav ref={frame} className="page-numbers" aria-label={t.pagesLabel}>
      <div style={{ height: virtualizer.getTotalSize() }}>
        {virtualizer.getVirtualItems().map(({ index, key, start }) => {
          const page = pages[index];
          return (
            page && (
              <button
                key={key}
                type="button"
                className={page.error ? "page-number broken" : "page-number"}
                style={{ transform: `translateY(${start}px)` }}
                aria-label={t.goToPage(page.page)}
                aria-current={index === current ? "page" : undefined}
                onClick={() => onJump(index)}
              >
                {page.page}
              </button>
            )
          );
        })}
      </div>
    </nav>
  );
}

interface PageProps {
  readonly jobId: string;
  readonly info: PageInfo;
  readonly alone: boolean;
}

const Page = memo(function Page({ jobId, info, alone }: PageProps) {
  const t = useTexts();
  const client = useMilepost();
  const { value, error, reload } = useLoad(`${jobId} ${info.page} ${info.created_at}`, (signal) =>
    client.page(jobId, info.page, { signal }),
  );
  return (
    <section className="page-sheet" aria-label={t.page(info.page)}>
      {!alone && <div className="page-name small soft">{t.page(info.page)}</div>}
      {info.error && (
        <div className="notice warn">
          <Icon name="alert" />
          <div>
            {t.pageFailed} <span className="soft">{info.error}</span>
          </div>
        </div>
      )}
      {error && <Failure error={error} onRetry={reload} />}
      {value === undefined && !error && <Skeleton lines={8} />}
      {value !== undefined && !info.error && <Markdown text={value} />}
    </section>
  );
});
