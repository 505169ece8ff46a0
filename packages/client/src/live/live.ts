// Everything that is watched. Enters: targets and handlers. Leaves: watches and
// readables over one connection.

import type { Http } from "../http.js";
import type { Clock, Log } from "../platform.js";
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

/** What watches are made with. */
export interface LiveParts {
  readonly http: Http;
  readonly base: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly options: MilepostOptions;
}

const IDLE: ConnectionState = {
  status: "idle",
  transport: undefined,
  attempt: 0,
  retryAt: undefined,
  error: undefined,
  role: "alone",
  metrics: { latency: undefined, reconnects: 0, gaps: 0, messages: 0 },
};

/** The live half of a client. */
export class Live {
  readonly connection: Readable<ConnectionState> & { retryNow(): void } = {
    getSnapshot: () => IDLE,
    subscribe: () => () => undefined,
    retryNow: () => undefined,
  };

  constructor(_parts: LiveParts) {}

  watch(_target: WatchTarget, _handlers: WatchHandlers): Watch {
    return {
      ended: Promise.resolve(),
      close: () => undefined,
      async *[Symbol.asyncIterator]() {},
    };
  }

  job(_id: string): Readable<LiveJob> {
    const value = { job: undefined, error: undefined, stalled: false, removed: false };
    return { getSnapshot: () => value, subscribe: () => () => undefined };
  }

  jobs(_filter: JobsFilter & { live?: boolean }): Readable<LiveJobs> {
    const value = {
      jobs: [],
      loading: false,
      error: undefined,
      hasMore: false,
      loadMore: async () => undefined,
      refresh: async () => undefined,
    };
    return { getSnapshot: () => value, subscribe: () => () => undefined };
  }

  restart(): void {}

  close(): void {}
}
