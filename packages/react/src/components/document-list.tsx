"use client";
/**
 * Jobs in a table.
 *
 * Enters: which jobs. Leaves: a row for each, up to date by itself; orders to one or many. Never:
 * more jobs than were asked for, or a connection behind its end.
 */

import type { Job } from "@milepost/client";
import { type ReactNode, useCallback, useMemo, useState } from "react";
import { classes } from "../classes.js";
import { useConnection } from "../hooks/use-connection.js";
import { type LiveJobsFilter, useJobs } from "../hooks/use-jobs.js";
import { useMilepost, useTexts } from "../provider.js";
import { HIDDEN } from "./hidden.js";
import { ListAnnouncer } from "./list-announcer.js";
import { ListNote } from "./list-note.js";
import { ListRow } from "./list-row.js";
import { type ListFilter, ListToolbar } from "./list-toolbar.js";
import { againAll, cancelAll } from "./orders.js";
import { type Order, sorted, toggled } from "./sort.js";
import { SortHeader } from "./sort-header.js";
import { useDebounced } from "./use-debounced.js";
import { useOrders } from "./use-orders.js";

/** Props of `DocumentList`. */
export interface DocumentListProps {
  /** Which jobs; all one's own by default. */
  filter?: LiveJobsFilter | undefined;
  /** Called with the job whose name was chosen. Without it, names are plain text. */
  onOpen?: ((job: Job) => void) | undefined;
  /** Jobs to load at a time, 1 to 200. 50 by default. */
  pageSize?: number | undefined;
  /** More buttons for a row. Give a function that stays the same, or all rows render each time. */
  actions?: ((job: Job) => ReactNode) | undefined;
  className?: string | undefined;
}

/** A table of jobs with sorting, filters, selection and bulk orders. */
export function DocumentList({
  filter,
  onOpen,
  pageSize = 50,
  actions,
  className,
}: DocumentListProps): ReactNode {
  const client = useMilepost();
  const texts = useTexts();
  const connection = useConnection();
  const [asked, ask] = useState<ListFilter>({ q: "", status: undefined });
  const [order, setOrder] = useState<Order>({ by: "created", down: true });
  const [selected, select] = useState<ReadonlySet<string>>(new Set());
  const orders = useOrders();

  const q = useDebounced(asked.q.trim(), 300);
  const list = useJobs({
    ...filter,
    limit: pageSize,
    ...(q === "" ? {} : { q }),
    ...(asked.status === undefined ? {} : { status: asked.status }),
  });
  const jobs = useMemo(() => sorted(list.jobs, order), [list.jobs, order]);
  const chosen = jobs.filter(({ id }) => selected.has(id));

  const onSelect = useCallback((id: string, on: boolean) => {
    select((before) => {
      const next = new Set(before);
      if (on) next.add(id);
      else next.delete(id);
      return next;
    });
  }, []);
  const bulk = (run: typeof cancelAll) => orders.run(() => run(client, chosen));
  const header = (by: Order["by"]) => (
    <SortHeader by={by} order={order} onSort={() => setOrder(toggled(order, by))} />
  );

  return (
    <section className={classes("mp-list", className)} aria-label={texts["list.label"]}>
      <ListToolbar
        filter={asked}
        onFilter={ask}
        fixedStatus={filter?.status !== undefined}
        count={chosen.length}
        busy={orders.busy}
        onAgain={() => bulk(againAll)}
        onCancel={() => bulk(cancelAll)}
      />
      <ListNote
        list={list}
        offline={connection.status === "offline"}
        filtered={q !== "" || asked.status !== undefined}
        orderError={orders.error}
        onRefresh={() => orders.run(() => list.refresh())}
      />
      {jobs.length > 0 && (
        <table className="mp-table" aria-busy={list.loading}>
          <caption style={HIDDEN}>{texts["list.label"]}</caption>
          <thead>
            <tr>
              <th scope="col" className="mp-cell-select">
                <input
                  type="checkbox"
                  aria-label={texts["list.select.all"]}
                  checked={chosen.length === jobs.length}
                  onChange={(event) =>
                    select(new Set(event.target.checked ? jobs.map(({ id }) => id) : []))
                  }
                />
              </th>
              {header("name")}
              {header("status")}
              <th scope="col">{texts["list.progress"]}</th>
              {header("pages")}
              {header("size")}
              {header("created")}
              <th scope="col">{texts["list.actions"]}</th>
            </tr>
          </thead>
          <tbody>
            {jobs.map((job) => (
              <ListRow
                key={job.id}
                job={job}
                selected={selected.has(job.id)}
                onSelect={onSelect}
                onOpen={onOpen}
                actions={actions}
              />
            ))}
          </tbody>
        </table>
      )}
      {list.hasMore && (
        <button
          type="button"
          className="mp-button mp-more"
          disabled={list.loading}
          onClick={() => orders.run(() => list.loadMore())}
        >
          {texts["list.more"]}
        </button>
      )}
      <ListAnnouncer jobs={list.jobs} />
    </section>
  );
}
