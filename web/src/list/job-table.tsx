/**
 * The list of jobs as a table that draws only the rows in sight, so that ten thousand are as quick
 * as ten. Enters: jobs, in any number. Leaves: a selection, and the wish for more rows.
 */
import type { Job } from "@milepost/client";
import { type RowSelectionState, type SortingState, useTable } from "@tanstack/react-table";
import { useWindowVirtualizer } from "@tanstack/react-virtual";
import {
  type Dispatch,
  type SetStateAction,
  useCallback,
  useEffect,
  useRef,
  useState,
} from "react";
import { useTexts } from "../texts/texts";
import { Icon } from "../ui/icons";
import { type ColumnId, columns, features } from "./columns";
import { JobRow } from "./job-row";
import type { Orders } from "./orders";

export interface JobTableProps {
  readonly jobs: readonly Job[];
  readonly hasMore: boolean;
  /** Asks for more rows; `undefined` while some are on their way, or cannot be had. */
  readonly onMore: (() => void) | undefined;
  readonly sorting: SortingState;
  readonly onSorting: Dispatch<SetStateAction<SortingState>>;
  readonly selection: RowSelectionState;
  readonly onSelection: Dispatch<SetStateAction<RowSelectionState>>;
  readonly orders: Orders;
}

/** Rows from the end at which the next page of the list is asked for. */
const AHEAD = 100;
const SORTABLE: readonly ColumnId[] = ["name", "status", "size", "created"];

export function JobTable(props: JobTableProps) {
  const { jobs, hasMore, onMore, sorting, onSorting, selection, onSelection, orders } = props;
  const t = useTexts();
  const list = useRef<HTMLTableSectionElement>(null);
  const [offset, setOffset] = useState(0);

  const table = useTable({
    features,
    columns,
    data: jobs,
    getRowId: (job) => job.id,
    state: { sorting, rowSelection: selection },
    onSortingChange: onSorting,
    onRowSelectionChange: onSelection,
    enableSortingRemoval: false,
  });
  const { rows } = table.getRowModel();

  // What stands above the list grows and shrinks (uploads, options), and the rows move with it.
  useEffect(() => {
    const measure = (): void => {
      if (list.current) setOffset(list.current.getBoundingClientRect().top + scrollY);
    };
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(document.body);
    return () => observer.disconnect();
  }, []);

  const virtualizer = useWindowVirtualizer({
    count: rows.length,
    estimateSize: () => 65,
    overscan: 10,
    scrollMargin: offset,
    getItemKey: (index) => rows[index]?.id ?? index,
  });
  const items = virtualizer.getVirtualItems();

  const last = items.at(-1)?.index ?? 0;
  useEffect(() => {
    if (last >= rows.length - AHEAD) onMore?.();
  }, [last, rows.length, onMore]);

  const select = useCallback(
    (id: string, selected: boolean) =>
      onSelection(({ [id]: _, ...others }) => (selected ? { ...others, [id]: true } : others)),
    [onSelection],
  );
  const all = rows.length > 0 && rows.every(({ id }) => selection[id]);

  return (
    <table
      className="card job-table"
      aria-label={t.documents}
      aria-rowcount={hasMore ? -1 : rows.length + 1}
    >
      <thead>
        <tr className="job-row heads" aria-rowindex={1}>
          <th className="cell select" scope="col">
            <input
              type="checkbox"
              aria-label={t.selectAll}
              checked={all}
              onChange={() =>
                onSelection(all ? {} : Object.fromEntries(rows.map(({ id }) => [id, true])))
              }
            />
          </th>
          {SORTABLE.map((id) => (
            <SortHead key={id} id={id} sorting={sorting} onSorting={onSorting} />
          ))}
          <th className="cell actions" scope="col">
            <span className="visually-hidden">{t.columns.actions}</span>
          </th>
        </tr>
      </thead>
      <tbody ref={list} className="job-rows" style={{ height: virtualizer.getTotalSize() }}>
        {items.map((item) => {
          const row = rows[item.index];
          if (!row) return null;
          return (
            <tr
              key={item.key}
              ref={virtualizer.measureElement}
              data-index={item.index}
              aria-rowindex={item.index + 2}
              className={selection[row.id] ? "job-row selected" : "job-row"}
              style={{ transform: `translateY(${item.start - offset}px)` }}
            >
              <JobRow
                job={row.original}
                selected={selection[row.id] === true}
                onSelect={select}
                orders={orders}
              />
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}

interface SortHeadProps extends Pick<JobTableProps, "sorting" | "onSorting"> {
  readonly id: ColumnId;
}

function SortHead({ id, sorting, onSorting }: SortHeadProps) {
  const t = useTexts();
  const [by] = sorting;
  const on = by?.id === id;
  const direction = on && by.desc ? "descending" : "ascending";
  return (
    <th className={`cell ${id}`} scope="col" aria-sort={on ? direction : "none"}>
      <button
        type="button"
        className="sort"
        onClick={() => onSorting([{ id, desc: on ? !by.desc : id === "created" || id === "size" }])}
      >
        {t.columns[id]}
        {on && <Icon name={by.desc ? "down" : "up"} />}
      </button>
    </th>
  );
}
