// One connection for all that is watched. Enters: topics from the hub, what the
// browser says about network and page. Leaves: messages to the hub, and how the
// connection stands. Never: decides by itself: that is the machine's part.

import { MilepostError } from "../errors.js";
import type { Http } from "../http.js";
import { type Clock, type Log, sleep } from "../platform.js";
import type { Backoff, ConnectionState, Metrics, SocketClass, TransportName } from "../types.js";
import { catchUp } from "./catch-up.js";
import type { Hub } from "./hub.js";
import { type Effect, type Event, type Machine, step } from "./machine.js";
import type { Incoming } from "./messages.js";
import { openPolling } from "./poll.js";
import { openStreams } from "./sse.js";
import { type Link, NOTHING } from "./standing.js";
import type { Host, Session, Transport } from "./transport.js";
import { openWebSocket } from "./websocket.js";

/** ms for which a connection is kept that nobody uses: somebody may come right away. */
const LINGER = 1_000;
/** ms until what was missed is asked for again. */
const CATCH_UP_AGAIN = 5_000;
/** ms between two shows of how many messages came. */
const COUNTING = 1_000;

const TRANSPORTS: Readonly<Record<TransportName, Transport>> = {
  websocket: openWebSocket,
  sse: openStreams,
  poll: openPolling,
};

/** What a connection is made with. */
export interface ConnectionParts {
  readonly http: Http;
  readonly hub: Hub;
  readonly clock: Clock;
  readonly log: Log;
  readonly webSocket: SocketClass | undefined;
  readonly wsUrl: string;
  readonly transports: readonly TransportName[];
  readonly backoff: Backoff;
  /** Called when it stands in another way. */
  readonly onChange: () => void;
}

/** The connection. */
export class Connection implements Link {
  readonly #parts: ConnectionParts;
  readonly #positions = new Map<string, string>();
  #machine: Machine = { status: "idle" };
  #metrics: Metrics = NOTHING.metrics;
  #session: Session | undefined;
  #opened = false;
  /** Whether all that was missed before is known. */
  #complete = true;
  #probe: Session | undefined;
  #stopTimers: (() => void)[] = [];
  #stopLinger: (() => void) | undefined;
  #stopCounting: (() => void) | undefined;
  #catchUp: AbortController | undefined;
  readonly #stopEvents: () => void;

  constructor(parts: ConnectionParts) {
    this.#parts = parts;
    this.#stopEvents = this.#hearBrowser();
    this.update();
  }

  /** How it stands. */
  state(): ConnectionState {
    const machine = this.#machine;
    const tries = "level" in machine ? machine : undefined;
    const open = machine.status === "live" || machine.status === "polling";
    return {
      role: "alone",
      status: machine.status,
      transport: tries && this.#parts.transports[tries.level],
      attempt: open ? 0 : (tries?.attempt ?? 0),
      retryAt: "retryAt" in machine ? machine.retryAt : undefined,
      error: "error" in machine ? machine.error : undefined,
      metrics: this.#metrics,
    };
  }

  /** Other topics are watched. */
  update(): void {
    this.#stopLinger?.();
    // Of what is watched anew nothing is known: it begins at no position.
    this.#positions.clear();
    const wanted = this.#parts.hub.topics().length > 0;
    if (wanted) this.#step({ type: "wanted" });
    this.#session?.update();
    this.#probe?.update();
    if (!wanted) {
      this.#stopLinger = this.#parts.clock.after(LINGER, () => this.#step({ type: "unwanted" }));
    }
  }

  /** Tries again at once, where it waits or has given up. */
  retryNow(): void {
    if (this.#parts.hub.topics().length > 0) this.#step({ type: "retry" });
  }

  /** A job could not be gone on from. */
  gap(): void {
    this.#measure({ gaps: this.#metrics.gaps + 1 });
  }

  close(): void {
    this.#stopLinger?.();
    this.#stopCounting?.();
    this.#stopEvents();
    this.#step({ type: "close" });
  }

  #step(event: Event) {
    const { transports, backoff, log } = this.#parts;
    const [next, effects] = step(this.#machine, event, { transports, backoff });
    if (next !== this.#machine) {
      log(`${this.#machine.status} → ${next.status}`, event.type);
      this.#machine = next;
      this.#parts.onChange();
    }
    for (const effect of effects) this.#do(effect);
  }

  #do(effect: Effect) {
    switch (effect.type) {
      case "open":
        this.#end();
        if (this.#parts.hub.topics().length === 0) return this.#step({ type: "unwanted" });
        this.#session = this.#open(effect.level);
        return;
      case "close":
        return this.#end();
      case "probe": {
        this.#probe?.close();
        const { level } = effect;
        this.#probe = this.#open(level, (ok) =>
          this.#step({ type: "probed", level, ok, at: this.#now() }),
        );
        return;
      }
      case "adopt": {
        // The better one is open: only now the other one is closed.
        const better = this.#probe;
        this.#probe = undefined;
        this.#end();
        this.#session = better;
        return this.#stands();
      }
      case "timer": {
        const { event, ms } = effect;
        this.#stopTimers.push(this.#parts.clock.after(ms, () => this.#step({ type: event })));
        return;
      }
      case "check":
        return this.#session?.check();
      case "final":
        this.#parts.hub.ended(effect.error);
    }
  }

  #open(level: number, probed?: (ok: boolean) => void): Session | undefined {
    const { http, hub, clock, log, webSocket, wsUrl, transports } = this.#parts;
    const name = transports[level];
    if (!name) return undefined;
    log(`${probed ? "probes" : "opens"} ${name}`);
    let report = probed;
    const host: Host = {
      http,
      clock,
      log,
      webSocket,
      wsUrl,
      positions: this.#positions,
      topics: () => hub.topics(),
      seq: (job) => hub.seq(job),
      opened: () => {
        const first = report;
        report = undefined;
        if (first) return first(true);
        this.#step({ type: "opened", at: this.#now() });
        this.#stands();
      },
      receive: (message) => this.#receive(message),
      failed: (error, after) => {
        if (report) {
          this.#probe = undefined;
          return report(false);
        }
        this.#failed(error, after);
      },
      latency: (latency) => this.#measure({ latency }),
      gap: () => this.gap(),
    };
    return TRANSPORTS[name](host);
  }

  #failed(error: MilepostError, after: number | undefined) {
    this.#parts.log(`failed: ${error.code}`, error.message);
    const at = this.#now();
    const offline = globalThis.navigator?.onLine === false && error.retryable;
    if (offline) return this.#step({ type: "offline", at });
    const { latency } = this.#metrics;
    this.#step({ type: "failed", error, at, after, latency });
  }

  #receive(message: Incoming) {
    this.#metrics = { ...this.#metrics, messages: this.#metrics.messages + 1 };
    // Nobody needs that number more often.
    this.#stopCounting ??= this.#parts.clock.after(COUNTING, () => {
      this.#stopCounting = undefined;
      this.#parts.onChange();
    });
    this.#parts.hub.receive(message);
  }

  /** What is open begins with what has not ended; what ended meanwhile is asked for. */
  #stands() {
    const { hub } = this.#parts;
    if (this.#opened) this.#measure({ reconnects: this.#metrics.reconnects + 1 });
    this.#opened = true;
    if (!hub.topics().includes("mine")) return;
    this.#catchUp?.abort();
    this.#catchUp = new AbortController();
    void this.#settle(this.#catchUp.signal);
  }

  /** What is missed stays missed until this has succeeded. */
  async #settle(signal: AbortSignal) {
    const { hub, http, clock, log } = this.#parts;
    this.#complete = false;
    while (!signal.aborted) {
      try {
        await catchUp(http, hub, signal);
        break;
      } catch (error) {
        log("catching up failed", error);
        if (signal.aborted) return;
        // Whoever may not list their jobs has missed none.
        if (error instanceof MilepostError && !error.retryable) break;
        await sleep(clock, CATCH_UP_AGAIN, signal);
      }
    }
    if (!signal.aborted) this.#complete = true;
  }

  #end() {
    this.#catchUp?.abort();
    if (this.#session && this.#complete) this.#parts.hub.lost();
    for (const stop of this.#stopTimers.splice(0)) stop();
    this.#probe?.close();
    this.#session?.close();
    this.#probe = this.#session = undefined;
  }

  #measure(change: Partial<Metrics>) {
    this.#metrics = { ...this.#metrics, ...change };
    this.#parts.onChange();
  }

  #now() {
    return this.#parts.clock.now();
  }

  #hearBrowser(): () => void {
    if (typeof addEventListener !== "function") return () => undefined;
    const online = () => this.#step({ type: "online" });
    const offline = () => this.#step({ type: "offline", at: this.#now() });
    const visible = () => {
      if (document.visibilityState === "visible") this.#step({ type: "visible" });
    };
    addEventListener("online", online);
    addEventListener("offline", offline);
    globalThis.document?.addEventListener("visibilitychange", visible);
    return () => {
      removeEventListener("online", online);
      removeEventListener("offline", offline);
      globalThis.document?.removeEventListener("visibilitychange", visible);
    };
  }
}
