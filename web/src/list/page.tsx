/** The documents: what is added, what is on its way, and all jobs, live. */
import { useConnection, useJobs } from "@milepost/react";
import type { RowSelectionState, SortingState } from "@tanstack/react-table";
import { useCallback, useEffect, useMemo, useState } from "react";
import { useSearchParams } from "wouter";
import { useOpenedJobs, withOpened } from "../offline/opened";
import { formatNumber } from "../preferences/format";
import { useLocale } from "../preferences/preferences";
import { useTexts } from "../texts/texts";
import { Empty, Failure, Skeleton } from "../ui/states";
import { useTitle } from "../ui/use-title";
import { AddDocuments } from "../uploads/add-documents";
import { OutboxPanel } from "../uploads/outbox-panel";
import { BulkBar } from "./bulk-bar";
import { filterOf, type ListFilter, queryOf, requestOf } from "./filter";
import { JobTable } from "./job-table";
import { useOrders } from "./orders";
import { Toolbar } from "./toolbar";

const NEWEST_FIRST: SortingState = [{ id: "created", desc: true }];
/** Jobs up to which the list is loaded whole, to be sorted by something else than its age. */
const SORTED_WHOLE = 10_000;

export function DocumentsPage() {
  const t = useTexts();
  const [query, setQuery] = useSearchParams();
  const filter = filterOf(query);
  const [sorting, setSorting] = useState(NEWEST_FIRST);
  const [selection, setSelection] = useState<RowSelectionState>({});
  const orders = useOrders();
  const { jobs: listed, loading, error, hasMore, loadMore, refresh } = useJobs(requestOf(filter));
  const { status } = useConnection();
  const narrowed = queryOf(filter).size > 0;
  const opened = useOpenedJobs(!narrowed && (status === "offline" || status === "retrying"));
  const jobs = useMemo(() => withOpened(listed, opened), [listed, opened]);
  useTitle(t.documents);

  const change = useCallback(
    (next: Partial<ListFilter>) => {
      setSelection({});
      setQuery((before) => queryOf({ ...filterOf(before), ...next }), { replace: true });
    },
    [setQuery],
  );

  const ready = hasMore && !loading && !error;
  const more = useMemo(() => (ready ? () => void loadMore() : undefined), [ready, loadMore]);
  const [by] = sorting;
  const loadsAll = by?.id !== "created" || !by.desc;
  useEffect(() => {
    if (loadsAll && jobs.length < SORTED_WHOLE) more?.();
  }, [loadsAll, jobs.length, more]);

  const selected = useMemo(() => jobs.filter(({ id }) => selection[id]), [jobs, selection]);
  const first = jobs.length === 0 && !narrowed;

  return (
    <div className="stack page">
      <h1 className="visually-hidden">{t.documents}</h1>
      <AddDocuments compact={!first || loading} />
      <OutboxPanel />
      {error && <Failure error={error} onRetry={() => void refresh()} />}
      {(narrowed || jobs.length > 0) && <Toolbar filter={filter} onChange={change} />}
      {filter.batch && (
        <div className="notice">
          <span className="grow">{t.batchOnly}</span>
          <button type="button" className="button small" onClick={() => change({ batch: "" })}>
            {t.showAll}
          </button>
        </div>
      )}
      {selected.length > 0 ? (
        <BulkBar jobs={selected} orders={orders} onClear={() => setSelection({})} />
      ) : (
        jobs.length > 0 && <Count count={jobs.length} more={hasMore} all={loadsAll && hasMore} />
      )}
      {jobs.length > 0 && (
        <JobTable
          jobs={jobs}
          hasMore={hasMore}
          onMore={more}
          sorting={sorting}
          onSorting={setSorting}
          selection={selection}
          onSelection={setSelection}
          orders={orders}
        />
      )}
      {jobs.length === 0 && loading && <Skeleton lines={5} tall />}
      {jobs.length === 0 && !loading && !error && (
        <NothingHere narrowed={narrowed} onClear={() => setQuery({}, { replace: true })} />
      )}
    </div>
  );
}

function Count({ count, more, all }: { count: number; more: boolean; all: boolean }) {
  const t = useTexts();
  const locale = useLocale();
  return (
    <p className="small soft count">
      {all ? t.loadingAll : t.shown(formatNumber(locale, count), more)}
    </p>
  );
}

function NothingHere({ narrowed, onClear }: { narrowed: boolean; onClear: () => void }) {
  const t = useTexts();
  if (!narrowed) {
    return (
      <Empty icon="files" title={t.listEmpty}>
        <p>{t.listEmptyHint}</p>
      </Empty>
    );
  }
  return (
    <Empty icon="search" title={t.listNothing}>
      <p>{t.listNothingHint}</p>
      <button type="button" className="button" onClick={onClear}>
        {t.clearFilters}
      </button>
    </Empty>
  );
}
