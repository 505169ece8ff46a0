"use client";
/**
 * A bar.
 *
 * Enters: how much of 100, what it is of. Leaves: a `progressbar`. Never: a value out of range.
 */

import type { CSSProperties, ReactNode } from "react";
import { useFormat } from "../provider.js";

/** Props of `Bar`. */
export interface BarProps {
  /** 0 to 100; `undefined` where it is not known how much there is. */
  value: number | undefined;
  /** What it is the progress of. */
  label: string;
  /** What is said of the value, in the place of the bare percentage. */
  text?: string | undefined;
  /** Nothing moves: the bar does not look as if it did. */
  stalled?: boolean | undefined;
}

/** A progress bar with a gradient. */
export function Bar({ value, label, text, stalled = false }: BarProps): ReactNode {
  const format = useFormat();
  const now = value === undefined ? undefined : Math.min(100, Math.max(0, value));
  const known =
    now === undefined
      ? {}
      : { "aria-valuenow": now, "aria-valuetext": text ?? format.percent(now) };
  return (
    <div
      className="mp-bar"
      role="progressbar"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      data-stalled={stalled || undefined}
      data-unknown={now === undefined || undefined}
      {...known}
    >
      <div className="mp-bar-fill" style={{ "--mp-value": now ?? 100 } as CSSProperties} />
    </div>
  );
}
