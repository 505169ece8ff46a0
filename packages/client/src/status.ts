// Words about statuses. Enters: a status. Leaves: what it means.

import type { Status, Terminal } from "./types.js";

/** Whether a job stays so, unless it is retried. */
export function isTerminal(status: Status): status is Terminal {
  return status === "completed" || status === "failed" || status === "cancelled";
}
