"use client";
/**
 * How the page is connected to the server.
 *
 * Enters: nothing. Leaves: the state of the connection that all watches share. Never: opens it.
 */

import type { ConnectionState } from "@milepost/client";
import { useMemo } from "react";
import { useMilepost } from "../provider.js";
import { useReadable } from "./use-readable.js";

const IDLE: ConnectionState = Object.freeze({
  status: "idle",
  transport: undefined,
  attempt: 0,
  retryAt: undefined,
  error: undefined,
  role: "alone",
  metrics: Object.freeze({ latency: undefined, reconnects: 0, gaps: 0, messages: 0 }),
});

/** What `useConnection` returns. */
export type ConnectionView = ConnectionState & {
  /** Ends the wait for the next attempt. Does nothing where none is waited for. */
  retryNow(): void;
};

/** The state of the client's connection. */
export function useConnection(): ConnectionView {
  const { connection } = useMilepost();
  const state = useReadable(connection, IDLE);
  return useMemo(() => ({ ...state, retryNow: () => connection.retryNow() }), [state, connection]);
}
