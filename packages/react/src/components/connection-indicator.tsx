"use client";
/**
 * How the page is connected.
 *
 * Enters: the connection's state. Leaves: a light with a word, and a way to try at once. Never: the
 * seconds to the next attempt, which would be read out each second.
 */

import { type ReactNode, useId } from "react";
import { classes } from "../classes.js";
import { useConnection } from "../hooks/use-connection.js";
import { useFormat, useTexts } from "../provider.js";

/** Props of `ConnectionIndicator`. */
export interface ConnectionIndicatorProps {
  className?: string | undefined;
}

/** The state of the connection that all watches share. */
export function ConnectionIndicator({ className }: ConnectionIndicatorProps): ReactNode {
  const texts = useTexts();
  const format = useFormat();
  const id = useId();
  const { status, attempt, error, retryNow } = useConnection();
  const waits = status === "retrying" || status === "offline" || status === "polling";
  return (
    <span className={classes("mp-connection", className)} data-status={status}>
      <span role="status" id={id} className="mp-connection-text" title={error?.message}>
        <span className="mp-connection-light" aria-hidden="true" />
        {format.fill(texts[`connection.${status}`], { attempt: Math.max(1, attempt) })}
      </span>
      {waits && (
        <button type="button" className="mp-button" aria-describedby={id} onClick={retryNow}>
          {texts["connection.retry"]}
        </button>
      )}
    </span>
  );
}
