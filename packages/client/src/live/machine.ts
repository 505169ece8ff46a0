// How a connection stands, and what is done next. Enters: a state and an event.
// Leaves: the next state and effects. Never: touches a timer, a socket or a clock.

import type { MilepostError } from "../errors.js";
import type { Backoff, TransportName } from "../types.js";

/** Failures on one transport, behind which the next one is taken. */
const MAX_FAILURES = 5;
/** ms for which a connection stands before its earlier failures are forgotten. */
const STABLE = 5_000;
/** ms between attempts while the browser says that there is no network; it may be wrong. */
const OFFLINE_RETRY = 30_000;
/** ms until the first look whether a better transport works again, and the limits of the later ones. */
const FIRST_PROBE = 1_000;
const PROBE = 30_000;
const MAX_PROBE = 300_000;

interface Try {
  /** Which transport, best first. */
  readonly level: number;
  /** Failures in a row on this transport. */
  readonly attempt: number;
  readonly error?: MilepostError | undefined;
}

/** How a connection stands. */
export type Machine =
  | { readonly status: "idle" }
  | { readonly status: "ended"; readonly error?: MilepostError | undefined }
  | (Try & { readonly status: "connecting" })
  | (Try & { readonly status: "retrying" | "offline"; readonly retryAt: number })
  | (Try & {
      readonly status: "live" | "polling";
      readonly since: number;
      /** Looks for a better transport since this one opened. */
      readonly probes: number;
    });

/** What happens to a connection. `at` is in ms since 1970. */
export type Event =
  /** Something is watched, or nothing any more. */
  | { readonly type: "wanted" | "unwanted" }
  | { readonly type: "opened"; readonly at: number }
  /** `after`: ms that the server asks to wait. */
  | {
      readonly type: "failed";
      readonly error: MilepostError;
      readonly at: number;
      readonly after?: number | undefined;
      readonly latency?: number | undefined;
    }
  /** The timer of a retry, or of a probe, went off. */
  | { readonly type: "due" | "probe" }
  | { readonly type: "probed"; readonly level: number; readonly ok: boolean; readonly at: number }
  | { readonly type: "offline"; readonly at: number }
  | { readonly type: "online" | "visible" | "retry" }
  | { readonly type: "close" };

/** What is to be done. `open`, `close` and `adopt` end all timers and what was open. */
export type Effect =
  | { readonly type: "open" | "probe" | "adopt"; readonly level: number }
  | { readonly type: "close" }
  /** Event `due` or `probe` after so many ms. */
  | { readonly type: "timer"; readonly event: "due" | "probe"; readonly ms: number }
  /** Find out whether what is open still stands. */
  | { readonly type: "check" }
  /** There will be no connection: tell everybody. */
  | { readonly type: "final"; readonly error: MilepostError };

/** What the decisions depend on. */
export interface Rules {
  readonly transports: readonly TransportName[];
  readonly backoff: Backoff;
}

type Next = readonly [Machine, readonly Effect[]];

const open = (tried: Try): Next => [
  { ...tried, status: "connecting" },
  [{ type: "open", level: tried.level }],
];

const BEGIN: Try = { level: 0, attempt: 0 };

/** The next state, and what is to be done. The same state where an event means nothing to it. */
export function step(state: Machine, event: Event, rules: Rules): Next {
  const same: Next = [state, []];
  if (event.type === "close") return [{ status: "ended" }, [{ type: "close" }]];
  if (state.status === "idle" || state.status === "ended") {
    const again = event.type === "wanted" || (state.status === "ended" && event.type === "retry");
    return again ? open(BEGIN) : same;
  }
  const stands = state.status === "live" || state.status === "polling";
  const tried: Try = {
    level: state.level,
    attempt: state.attempt,
    error: state.error,
  };
  switch (event.type) {
    case "unwanted":
      return [{ status: "idle" }, [{ type: "close" }]];
    case "opened":
      return state.status === "connecting" ? opened(tried, event.at, rules) : same;
    case "failed":
      if (state.status !== "connecting" && !stands) return same;
      return failed(
        stands && event.at - state.since >= STABLE
          ? { ...tried, ...BEGIN, level: tried.level }
          : tried,
        event,
        // What holds an opening back does so again; what refuses one may be a server that starts.
        !stands && event.error.code === "timeout",
        rules,
      );
    case "due":
    case "visible":
    case "retry":
    case "online": {
      if (stands) {
        if (event.type === "retry" && state.level > 0)
          return [state, [{ type: "probe", level: 0 }]];
        return event.type === "due" ? same : [state, [{ type: "check" }]];
      }
      if (state.status === "connecting") return same;
      // Another network may let through what the last one did not.
      return open(event.type === "online" ? BEGIN : tried);
    }
    case "offline":
      return offline(tried, event.at);
    case "probe":
      if (!stands || state.level === 0) return same;
      return [state, [{ type: "probe", level: state.probes % state.level }]];
    case "probed":
      if (!stands) return same;
      if (event.ok) {
        const [next, effects] = opened({ ...BEGIN, level: event.level }, event.at, rules);
        return [next, [{ type: "adopt", level: event.level }, ...effects]];
      }
      return [
        { ...state, probes: state.probes + 1 },
        [{ type: "timer", event: "probe", ms: Math.min(PROBE * 2 ** state.probes, MAX_PROBE) }],
      ];
    default:
      return same;
  }
}

function opened(tried: Try, at: number, { transports }: Rules): Next {
  const status = transports[tried.level] === "poll" ? "polling" : "live";
  return [
    { ...tried, error: undefined, status, since: at, probes: 0 },
    tried.level > 0 ? [{ type: "timer", event: "probe", ms: FIRST_PROBE }] : [],
  ];
}

function failed(
  tried: Try,
  event: Event & { type: "failed" },
  heldBack: boolean,
  rules: Rules,
): Next {
  const { error, at, after, latency } = event;
  const attempt = tried.attempt + 1;
  const waited = rules.backoff(attempt, error, latency);
  const enough = heldBack || attempt >= MAX_FAILURES || waited === null;
  // What stands between may refuse one transport with an answer of its own.
  const final = !error.retryable && error.code !== "invalid_response";
  if (!final && enough && tried.level + 1 < rules.transports.length) {
    return open({ level: tried.level + 1, attempt: 0, error });
  }
  if (final || waited === null) {
    return [{ status: "ended", error }, [{ type: "close" }, { type: "final", error }]];
  }
  const next: Try = { level: tried.level, attempt, error };
  // All clients were sent away at the same time: they must not return so.
  const ms = after === undefined ? waited : after === 0 && attempt === 1 ? 0 : after + waited;
  if (ms === 0) return open(next);
  return [
    { ...next, status: "retrying", retryAt: at + ms },
    [{ type: "close" }, { type: "timer", event: "due", ms }],
  ];
}

function offline(tried: Try, at: number): Next {
  return [
    { ...tried, status: "offline", retryAt: at + OFFLINE_RETRY },
    [{ type: "close" }, { type: "timer", event: "due", ms: OFFLINE_RETRY }],
  ];
}
