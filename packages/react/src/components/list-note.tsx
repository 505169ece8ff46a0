"use client";
/**
 * What there is to say of a list as a whole.
 *
 * Enters: the list's state. Leaves: that it loads, is empty, could not be loaded, or may be old.
 * Never: hides what is there already.
 */

import type { LiveJobs, MilepostError } from "@milepost/client";
import type { ReactNode } from "react";
import { faultText } from "../fault.js";
import { useTexts } from "../provider.js";

/** Props of `ListNote`. */
export interface ListNoteProps {
  list: LiveJobs;
  offline: boolean;
  /** Whether a filter may be why there is nothing. */
  filtered: boolean;
  orderError: MilepostError | undefined;
  onRefresh: () => void;
}

/** Sentences above the table. */
export function ListNote({
  list,
  offline,
  filtered,
  orderError,
  onRefresh,
}: ListNoteProps): ReactNode {
  const texts = useTexts();
  const empty = list.jobs.length === 0;
  return (
    <>
      {offline && <p className="mp-note">{texts["list.offline"]}</p>}
      {empty && list.loading && (
        <p className="mp-note" aria-busy="true">
          {texts["progress.loading"]}
        </p>
      )}
      {empty && !list.loading && list.error === undefined && (
        <p className="mp-note">{texts[filtered ? "list.none" : "list.empty"]}</p>
      )}
      {list.error !== undefined && !offline && (
        <div className="mp-error" role="alert">
          <p>{faultText(list.error, texts)}</p>
          <button type="button" className="mp-button" onClick={onRefresh}>
            {texts["list.refresh"]}
          </button>
        </div>
      )}
      {orderError !== undefined && (
        <p className="mp-error" role="alert">
          {faultText(orderError, texts)}
        </p>
      )}
    </>
  );
}
