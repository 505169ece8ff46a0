// One job, kept up to date while somebody listens. Enters: its id, updates. Leaves:
// a readable. Never: ends with the job, since a retry may follow.

import type { Clock } from "../platform.js";
import type { LiveJob, Readable } from "../types.js";
import type { Hub, Listener } from "./hub.js";
import { readable } from "./readable.js";

/** Follows one job. `onIdle` is called once nobody listens any more. */
export function liveJob(hub: Hub, clock: Clock, id: string, onIdle: () => void): Readable<LiveJob> {
  const listener: Listener = {
    topics: [`job:${id}`],
    receive(update) {
      if (update.type === "refused") return store.set({ ...store.get(), error: update.error });
      if (update.type === "removed") return store.set({ ...store.get(), removed: true });
      const { job } = update;
      store.set({ job, error: undefined, stalled: job.stalled === true, removed: false });
    },
    ended: (error) => store.set({ ...store.get(), error }),
  };
  const store = readable<LiveJob>(
    { job: undefined, error: undefined, stalled: false, removed: false },
    clock,
    () => hub.add(listener, seen()),
    () => {
      hub.remove(listener);
      onIdle();
    },
  );
  function* seen(): Generator<readonly [string, number]> {
    const { job } = store.get();
    if (job) yield [id, job.seq];
  }
  return store;
}
