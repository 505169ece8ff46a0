"use client";
/**
 * What is above the table.
 *
 * Enters: the filter, how many are selected. Leaves: another filter, bulk orders. Never: loads.
 */

import type { Status } from "@milepost/client";
import type { ReactNode } from "react";
import { useFormat, useTexts } from "../provider.js";

/** What people may filter by. */
export interface ListFilter {
  /** A text in the name. */
  readonly q: string;
  readonly status: Status | undefined;
}

/** Props of `ListToolbar`. */
export interface ListToolbarProps {
  filter: ListFilter;
  onFilter: (filter: ListFilter) => void;
  /** The page has chosen a status, so there is none to choose. */
  fixedStatus: boolean;
  /** Jobs that are selected. */
  count: number;
  busy: boolean;
  onAgain: () => void;
  onCancel: () => void;
}

const STATUSES: readonly Status[] = [
  "awaiting",
  "queued",
  "running",
  "completed",
  "failed",
  "cancelled",
];

/** A search field, a choice of statuses, and the bulk orders while something is selected. */
export function ListToolbar(props: ListToolbarProps): ReactNode {
  const { filter, onFilter, fixedStatus, count, busy, onAgain, onCancel } = props;
  const texts = useTexts();
  const format = useFormat();
  return (
    <div className="mp-toolbar">
      <input
        type="search"
        className="mp-input"
        aria-label={texts["list.search"]}
        placeholder={texts["list.search"]}
        value={filter.q}
        onChange={(event) => onFilter({ ...filter, q: event.target.value })}
      />
      {!fixedStatus && (
        <select
          className="mp-input"
          aria-label={texts["list.status"]}
          value={filter.status ?? ""}
          onChange={(event) =>
            onFilter({ ...filter, status: STATUSES.find((each) => each === event.target.value) })
          }
        >
          <option value="">{texts["list.all"]}</option>
          {STATUSES.map((status) => (
            <option key={status} value={status}>
              {texts[`status.${status}`]}
            </option>
          ))}
        </select>
      )}
      {count > 0 && (
        <div className="mp-bulk">
          <span>{format.fill(texts[`list.selected.${format.plural(count)}`], { count })}</span>
          <button type="button" className="mp-button" disabled={busy} onClick={onAgain}>
            {texts["list.bulk.again"]}
          </button>
          <button type="button" className="mp-button" disabled={busy} onClick={onCancel}>
            {texts["list.bulk.cancel"]}
          </button>
        </div>
      )}
    </div>
  );
}
