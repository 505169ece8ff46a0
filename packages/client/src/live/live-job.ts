// One job, kept up to date while somebody listens. Enters: its id, updates. Leaves:
// a readable. Never: ends with the job, since a retry may follow.

import type { Clock } from "../platform.js";
import type { LiveJob, Readable } from "../types.js";
import type { Hub, Listener } from "./hub.js";
import { readable } from "./readable.js";

/** ms without news behind which a running job is shown as stalled. */
const STALL = 60_000;

/** Follows one job. `onIdle` is called once nobody listens any more. */
export function liveJob(hub: Hub, clock: Clock, id: string, onIdle: () => void): Readable<LiveJob> {
  let stopTimer: () => void = () => undefined;
  const listener: Listener = {
    topics: [`job:${id}`],
    receive(update) {
      if (update.type === "refused") return store.set({ ...store.get(), error: update.error });
      if (update.type === "removed") {
        stopTimer();
        return store.set({ ...store.get(), removed: true, stalled: false });
      }
      const { job } = update;
      store.set({ job, error: undefined, stalled: false, removed: false });
      stopTimer();
      if (job.status === "running") {
        stopTimer = clock.after(STALL, () => store.set({ ...store.get(), stalled: true }));
      }
    },
    ended: (error) => store.set({ ...store.get(), error }),
  };
  const store = readable<LiveJob>(
    { job: undefined, error: undefined, stalled: false, removed: false },
    clock,
    () => hub.add(listener, seen()),
    () => {
      stopTimer();
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
