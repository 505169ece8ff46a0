// How a connection stands, before there is one and where it is another tab's. Never:
// more than that.

import type { ConnectionState } from "../types.js";

/** How a connection stands, but for who shares it. */
export type Standing = Omit<ConnectionState, "role">;

/** Nothing has happened yet. */
export const NOTHING: Standing = {
  status: "idle",
  transport: undefined,
  attempt: 0,
  retryAt: undefined,
  error: undefined,
  metrics: { latency: undefined, reconnects: 0, gaps: 0, messages: 0 },
};

/** A connection: this tab's, or another one's. */
export interface Link {
  state(): ConnectionState;
  /** Other topics are watched. */
  update(): void;
  /** Tries again at once, where it waits or has given up. */
  retryNow(): void;
  /** A job could not be gone on from. */
  gap(): void;
  close(): void;
}
