// `@milepost/client`. Leaves: the client, its errors, its types. Never: runs
// anything when it is loaded.

export { type CallOptions, Milepost, type Paging } from "./client.js";
export { MilepostError } from "./errors.js";
export type { Clock } from "./platform.js";
export { isTerminal } from "./status.js";
export type * from "./types.js";
