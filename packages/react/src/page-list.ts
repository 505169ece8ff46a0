/**
 * The pages of a job that are finished so far.
 *
 * Enters: that something changed. Leaves: the list, anew. Never: asks more than a few times a
 * second, or twice at a time, however fast pages are finished.
 */

import type { Milepost, MilepostError, PageInfo, Readable } from "@milepost/client";

/** What is known of the pages. */
export interface PageListState {
  readonly pages: readonly PageInfo[];
  readonly error: MilepostError | undefined;
}

/** Pages in one answer. */
const LIMIT = 100;
/** The least time in ms from one look to the next. */
const PAUSE = 300;
/** And behind one that failed, where the next may succeed. */
const PAUSE_FAILED = 3000;

/** Loads the pages of one job whenever there may be more. */
export class PageList implements Readable<PageListState> {
  readonly #client: Milepost;
  readonly #id: string;
  readonly #listeners = new Set<() => void>();
  #state: PageListState = { pages: [], error: undefined };
  /** What the whole answers so far had, and the cursor behind them: these pages stay as they are. */
  #whole: { readonly pages: readonly PageInfo[]; readonly cursor: string | undefined } = START;
  #attempt = 0;
  #wanted = "";
  #abort: AbortController | undefined;

  constructor(client: Milepost, id: string) {
    this.#client = client;
    this.#id = id;
  }

  getSnapshot = (): PageListState => this.#state;

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /**
   * Says that there may be other pages: `version` is another one whenever that is so. A new attempt
   * may have replaced any page, so the list is loaded from its beginning.
   */
  want(version: string, attempt: number): void {
    if (version === this.#wanted) return;
    this.#wanted = version;
    if (attempt !== this.#attempt) this.#whole = START;
    this.#attempt = attempt;
    if (this.#abort === undefined) void this.#run();
  }

  /** Stops loading. `want` begins again. */
  stop(): void {
    this.#abort?.abort();
    this.#abort = undefined;
    this.#wanted = "";
  }

  async #run(): Promise<void> {
    const abort = new AbortController();
    this.#abort = abort;
    let had: string | undefined;
    while (!abort.signal.aborted && had !== this.#wanted) {
      had = this.#wanted;
      await this.#load(abort.signal);
      const again = this.#state.error?.retryable === true;
      if (again) had = undefined;
      await pause(again ? PAUSE_FAILED : PAUSE, abort.signal);
    }
    if (this.#abort === abort) this.#abort = undefined;
  }

  async #load(signal: AbortSignal): Promise<void> {
    try {
      for (;;) {
        const whole = this.#whole;
        const { cursor } = whole;
        const paging = cursor === undefined ? { limit: LIMIT } : { limit: LIMIT, cursor };
        const { items, next } = await this.#client.pages(this.#id, { ...paging, signal });
        if (signal.aborted) return;
        // A new attempt began meanwhile: this belongs to the one before.
        if (whole !== this.#whole) continue;
        const pages = [...whole.pages, ...items];
        this.#publish({ pages, error: undefined });
        if (next == null) return;
        this.#whole = { pages, cursor: next };
      }
    } catch (error) {
      // The client rejects with nothing else than its own errors. What was there stays.
      if (!signal.aborted) this.#publish({ ...this.#state, error: error as MilepostError });
    }
  }

  #publish(state: PageListState): void {
    this.#state = state;
    for (const listener of this.#listeners) listener();
  }
}

const START = { pages: [], cursor: undefined };

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
