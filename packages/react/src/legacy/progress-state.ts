/**
 * The state of `useProgress`.
 *
 * Enters: a state, what happened. Leaves: the next state. Never: more than 50 statuses of the past.
 */

import type { ConnectionStatus, ConversionStatus } from "./conversion-status.js";

/** Statuses that are kept. */
export const HISTORY_LIMIT = 50;

/** What `useProgress` knows. */
export interface ProgressState {
  /** The present status. */
  readonly status: ConversionStatus | null;
  readonly connectionStatus: ConnectionStatus;
  /** Whether updates are pushed, over a WebSocket or an event stream, and not asked for. */
  readonly usingWebSocket: boolean;
  readonly connectionError: string | null;
  /** The last 50 statuses, the oldest first. */
  readonly history: readonly ConversionStatus[];
}

/** What can happen. */
export type ProgressEvent =
  | { readonly type: "status"; readonly status: ConversionStatus }
  | { readonly type: "clear" }
  | {
      readonly type: "connection";
      readonly status: ConnectionStatus;
      readonly pushed?: boolean;
    }
  | { readonly type: "error"; readonly error: string | null }
  | {
      readonly type: "restore";
      readonly status: ConversionStatus | null;
      readonly history: readonly ConversionStatus[];
    };

/** The state before anything happened. */
export const initialProgress: ProgressState = Object.freeze({
  status: null,
  connectionStatus: "disconnected",
  usingWebSocket: true,
  connectionError: null,
  history: [],
});

/** The state after `event`. */
export function progressReducer(state: ProgressState, event: ProgressEvent): ProgressState {
  switch (event.type) {
    case "status":
      return {
        ...state,
        status: event.status,
        history: [...state.history, event.status].slice(-HISTORY_LIMIT),
      };
    case "clear":
      return { ...state, status: null };
    case "connection":
      return {
        ...state,
        connectionStatus: event.status,
        usingWebSocket: event.pushed ?? state.usingWebSocket,
      };
    case "error":
      return { ...state, connectionError: event.error };
    case "restore":
      return {
        ...state,
        status: event.status,
        history: event.history.slice(-HISTORY_LIMIT),
      };
  }
}
