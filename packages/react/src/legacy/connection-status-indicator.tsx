"use client";
/**
 * A connection in four states, told by props.
 *
 * Enters: a state of `useProgress`. Leaves: a light with a word. Never: connects.
 */

import type { ReactNode } from "react";
import { classes } from "../classes.js";
import { useTextsIfAny } from "../provider.js";
import type { ConnectionStatus } from "./conversion-status.js";

/** Props of `ConnectionStatusIndicator`. */
export interface ConnectionStatusIndicatorProps {
  status: ConnectionStatus;
  /** `false` says "Using fallback polling" while it is neither connecting nor in error. */
  usingWebSocket?: boolean | undefined;
  /** Why there is no connection. */
  error?: string | null | undefined;
  className?: string | undefined;
}

/** Connecting, connected, disconnected, or an error; and whether updates are asked for. */
export function ConnectionStatusIndicator({
  status,
  usingWebSocket = true,
  error,
  className,
}: ConnectionStatusIndicatorProps): ReactNode {
  const texts = useTextsIfAny();
  const polls = !usingWebSocket && (status === "connected" || status === "disconnected");
  return (
    <span className={classes("mp-connection", className)} data-status={polls ? "polling" : status}>
      <span role="status" className="mp-connection-text">
        <span className="mp-connection-light" aria-hidden="true" />
        {polls ? texts["connection.polling"] : texts[`connection.${status}`]}
        {status === "error" && error ? `: ${error}` : ""}
      </span>
    </span>
  );
}
