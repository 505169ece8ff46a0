"use client";
/**
 * The head of a column by which one can sort.
 *
 * Enters: the present order. Leaves: a button, and for screen readers the order. Never: sorts.
 */

import type { ReactNode } from "react";
import { useTexts } from "../provider.js";
import type { Order } from "./sort.js";

/** Props of `SortHeader`. */
export interface SortHeaderProps {
  by: Order["by"];
  order: Order;
  onSort: () => void;
}

/** A column's head. */
export function SortHeader({ by, order, onSort }: SortHeaderProps): ReactNode {
  const texts = useTexts();
  const direction = order.down ? "descending" : "ascending";
  const current = order.by === by;
  return (
    <th scope="col" className="mp-cell-sort" aria-sort={current ? direction : undefined}>
      <button type="button" className="mp-sort" onClick={onSort}>
        {texts[`list.${by}`]}
        <span aria-hidden="true">{current ? (order.down ? " ↓" : " ↑") : ""}</span>
      </button>
    </th>
  );
}
