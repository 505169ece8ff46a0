// What a transport is. Enters: what is watched. Leaves: messages, until it is closed
// or has failed. Never: decides what comes after a failure.

import type { MilepostError } from "../errors.js";
import type { Http } from "../http.js";
import type { Clock, Log } from "../platform.js";
import type { SocketClass } from "../types.js";
import type { Incoming } from "./messages.js";
import type { Topic } from "./topics.js";

/** What a transport works with, and whom it tells. */
export interface Host {
  readonly http: Http;
  readonly clock: Clock;
  readonly log: Log;
  readonly webSocket: SocketClass | undefined;
  readonly wsUrl: string;
  /** Positions of streams, kept from one opening to the next. */
  readonly positions: Map<string, string>;
  /** What is watched now. */
  topics(): readonly Topic[];
  /** The last `seq` of a job; nothing where none is known. */
  seq(job: string): number | undefined;
  /** All that is watched is known to the server. */
  opened(): void;
  receive(message: Incoming): void;
  /** It is over. `after`: ms that the server asks to wait. Called once at most. */
  failed(error: MilepostError, after?: number): void;
  /** ms of an answer. */
  latency(ms: number): void;
  /** What was had could not be gone on from. */
  gap(): void;
}

/** An open transport. */
export interface Session {
  /** Other topics are watched. */
  update(): void;
  /** Find out whether it still stands; it fails where it does not. */
  check(): void;
  /** Ends it. Nothing is told any more. */
  close(): void;
}

/** Opens a transport. */
export type Transport = (host: Host) => Session;
