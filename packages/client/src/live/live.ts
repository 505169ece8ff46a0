// Everything that is watched. Enters: targets and handlers. Leaves: watches and
// readables, over one connection that begins with the first of them. Never: lets
// two users share what they see.

import { closedError, networkError } from "../errors.js";
import type { Http, Query } from "../http.js";
import { type Clock, guarded, type Log } from "../platform.js";
import type {
  ConnectionState,
  JobsFilter,
  LiveJob,
  LiveJobs,
  MilepostOptions,
  Readable,
  Watch,
  WatchHandlers,
  WatchTarget,
} from "../types.js";
import { Hub } from "./hub.js";
import { liveJob } from "./live-job.js";
import { liveJobs } from "./live-jobs.js";
import { type Link, NOTHING } from "./standing.js";
import { watchTarget } from "./watch.js";

/** What watches are made with. */
export interface LiveParts {
  readonly http: Http;
  readonly base: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly options: MilepostOptions;
  queryOf(filter: JobsFilter): Query;
}

/** ms until what connects is loaded again, where it could not be. */
const RELOAD = 3_000;

/** The live half of a client. */
export class Live {
  /** How the connection stands. */
  readonly connection: Readable<ConnectionState> & { retryNow(): void };
  readonly #parts: LiveParts;
  readonly #hub = new Hub();
  readonly #readables = new Map<string, Readable<LiveJob>>();
  readonly #listeners = new Set<() => void>();
  readonly #abort = new AbortController();
  #state: ConnectionState = { ...NOTHING, role: "alone" };
  #link: Link | undefined;
  #begun = false;
  /** Counts beginnings: one that was overtaken connects nobody. */
  #turn = 0;

  constructor(parts: LiveParts) {
    this.#parts = parts;
    this.#hub.onChange = () => this.#changed();
    this.#hub.onGap = () => this.#link?.gap();
    this.connection = {
      getSnapshot: () => this.#state,
      subscribe: (listener) => {
        const own = () => listener();
        this.#listeners.add(own);
        return () => void this.#listeners.delete(own);
      },
      retryNow: () => this.#link?.retryNow(),
    };
  }

  watch(target: WatchTarget, handlers: WatchHandlers): Watch {
    const watch = watchTarget(this.#hub, target, handlers);
    if (this.#abort.signal.aborted) watch.close();
    return watch;
  }

  job(id: string): Readable<LiveJob> {
    const there = this.#readables.get(id);
    if (there) return there;
    const made = liveJob(this.#hub, this.#parts.clock, id, () => this.#readables.delete(id));
    this.#readables.set(id, made);
    return made;
  }

  jobs(filter: JobsFilter & { live?: boolean }): Readable<LiveJobs> {
    const { http, clock, queryOf } = this.#parts;
    return liveJobs(
      { http, clock, hub: this.#hub, onOpened: (run) => this.#onOpened(run) },
      filter,
      queryOf,
    );
  }

  /** Somebody else is signed in, or nobody. */
  restart(): void {
    this.#turn++;
    this.#link?.close();
    this.#link = undefined;
    this.#begun = false;
    this.#hub.forgetAll();
    this.#changed();
  }

  close(): void {
    this.#abort.abort();
    this.#turn++;
    this.#hub.close(closedError());
    this.#link?.close();
    this.#link = undefined;
    this.#show({ ...this.#state, status: "ended", transport: undefined, retryAt: undefined });
  }

  #changed() {
    if (this.#abort.signal.aborted) return;
    if (this.#link) return this.#link.update();
    if (this.#begun || this.#hub.topics().length === 0) return;
    this.#begun = true;
    void this.#begin(++this.#turn);
  }

  async #begin(turn: number) {
    const { clock, log } = this.#parts;
    this.#show({ ...this.#state, status: "connecting" });
    try {
      const { openLink } = await import("./link.js");
      const link = await openLink({
        ...this.#parts,
        hub: this.#hub,
        onChange: () => this.#refresh(),
        signal: this.#abort.signal,
      });
      if (turn !== this.#turn) return link.close();
      this.#link = link;
      this.#refresh();
      link.update();
    } catch (error) {
      // The part that connects could not be loaded.
      log("the connection cannot be loaded", error);
      if (turn !== this.#turn) return;
      const retryAt = clock.now() + RELOAD;
      this.#show({ ...this.#state, status: "retrying", retryAt, error: networkError(error) });
      clock.after(RELOAD, () => {
        if (turn === this.#turn) void this.#begin(turn);
      });
    }
  }

  #refresh() {
    if (this.#link) this.#show(this.#link.state());
  }

  #show(state: ConnectionState) {
    this.#state = state;
    for (const listener of [...this.#listeners]) guarded(listener);
  }

  /** The first opening counts too: what ended between a list's loading and it is told by nobody. */
  #onOpened(run: () => void): () => void {
    let open = isOpen(this.#state);
    return this.connection.subscribe(() => {
      const before = open;
      open = isOpen(this.#state);
      if (open && !before) run();
    });
  }
}

const isOpen = ({ status }: ConnectionState): boolean => status === "live" || status === "polling";
