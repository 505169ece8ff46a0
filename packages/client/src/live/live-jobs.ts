// A list of jobs, kept up to date while somebody listens. Enters: a filter, pages,
// updates. Leaves: a readable, newest first. Never: shows a job that the filter
// leaves out.

import { MilepostError, networkError } from "../errors.js";
import type { Http, Query } from "../http.js";
import type { Clock } from "../platform.js";
import type { Job, JobsFilter, LiveJobs, Readable } from "../types.js";
import type { Hub, Listener } from "./hub.js";
import { goneBack, listJobs } from "./lists.js";
import { readable } from "./readable.js";
import type { Topic } from "./topics.js";

/** ms for which updates are gathered: of many jobs there are many. */
const GATHER = 30;

/** ms until a list that could not be had is asked for again. */
const AGAIN = 5_000;

/** What a list is kept with. */
export interface LiveJobsParts {
  readonly http: Http;
  readonly hub: Hub;
  readonly clock: Clock;
  /** Calls after each opening of the connection. Returns what ends that. */
  onOpened(run: () => void): () => void;
}

/** Follows a list. */
export function liveJobs(
  { http, hub, clock, onOpened }: LiveJobsParts,
  { live = true, ...filter }: JobsFilter & { live?: boolean },
  queryOf: (filter: JobsFilter) => Query,
): Readable<LiveJobs> {
  const known = new Map<string, Job>();
  /** What updates told since a page was asked for: that page may be older. */
  const told = new Set<string>();
  let cursor: string | undefined;
  /** The first page is there: until then the stream may have told of what stands behind it. */
  let begun = false;
  let asked = 0;
  let stopGathering: (() => void) | undefined;
  let stopOpened: () => void = () => undefined;
  let stopAgain: () => void = () => undefined;
  const loadMore = () => (cursor ? load(cursor) : Promise.resolve());
  const refresh = () => load(undefined);
  const store = readable<LiveJobs>(
    { jobs: [], loading: true, error: undefined, hasMore: false, loadMore, refresh },
    clock,
    () => {
      void refresh();
      // Others' jobs are not in one's own stream.
      if (!live || filter.owner !== undefined) return;
      hub.add(listener);
      stopOpened = onOpened(() => void refresh());
    },
    () => {
      stopOpened();
      stopAgain();
      asked++;
      hub.remove(listener);
    },
  );
  const listener: Listener = {
    topics: [topicOf(filter)],
    receive(update) {
      if (update.type === "refused") return change({ error: update.error });
      if (update.type === "removed") leave(update.id);
      else if (!place(update.job)) return;
      stopGathering ??= clock.after(GATHER, publish);
    },
    ended: (error) => change({ error }),
  };

  /** Whether that changes the list. */
  function place(job: Job): boolean {
    if (!matches(job, filter)) return leave(job.id);
    const before = known.get(job.id);
    // What stands behind the pages that are loaded comes with its page.
    if (!before && cursor && job.id < oldest()) return false;
    if (before && before.seq > job.seq) return false;
    told.add(job.id);
    known.set(job.id, job);
    return true;
  }

  function leave(id: string): boolean {
    told.add(id);
    return known.delete(id);
  }

  /** The newest that is known of a job. */
  const newest = (id: string) => Math.max(known.get(id)?.seq ?? 0, hub.seq(id) ?? 0);

  const oldest = () => [...known.keys()].reduce((least, id) => (id < least ? id : least), "~");

  async function load(from: string | undefined) {
    const turn = ++asked;
    stopAgain();
    told.clear();
    change({ loading: true });
    try {
      const page = await listJobs(http, { ...queryOf(filter), cursor: from });
      if (turn !== asked) return;
      if (!from) keepOnly(page.jobs, page.next);
      if (!begun && page.next) dropBehind(page.jobs);
      // A refresh leaves the pages behind the first one as they are.
      if (from || !begun || known.size <= page.jobs.length) cursor = page.next;
      begun = true;
      for (const job of page.jobs) {
        if (!told.has(job.id) && (known.get(job.id)?.seq ?? 0) <= job.seq) known.set(job.id, job);
      }
      change({ loading: false, error: undefined });
      const older = await goneBack(http, page.jobs, (id) => (told.has(id) ? 0 : newest(id)));
      for (const job of turn === asked ? older : []) {
        if (told.has(job.id)) continue;
        known.set(job.id, job);
        hub.restored(job);
      }
      if (older.length > 0) change({});
    } catch (thrown) {
      if (turn !== asked) return;
      const error = thrown instanceof MilepostError ? thrown : networkError(thrown);
      change({ loading: false, error });
      if (live && error.retryable) stopAgain = clock.after(AGAIN, () => void load(from));
    }
  }

  /** Jobs that the first page no longer has, though it reaches as far, are gone. */
  function keepOnly(jobs: readonly Job[], next: string | undefined) {
    const there = new Set(jobs.map(({ id }) => id));
    const last = next ? (jobs.at(-1)?.id ?? "") : "";
    for (const id of [...known.keys()])
      if (id >= last && !there.has(id) && !told.has(id)) known.delete(id);
  }

  /** What stands behind the first page comes with a page of its own. */
  function dropBehind(jobs: readonly Job[]) {
    const last = jobs.at(-1)?.id ?? "";
    for (const id of [...known.keys()]) if (id < last) known.delete(id);
  }

  function publish() {
    stopGathering?.();
    stopGathering = undefined;
    change({});
  }

  function change(fields: Partial<LiveJobs>) {
    const jobs = [...known.values()].sort((a, b) => (a.id < b.id ? 1 : -1));
    store.set({ ...store.get(), jobs, hasMore: cursor !== undefined, ...fields });
  }

  return store;
}

function topicOf({ batch, document }: JobsFilter): Topic {
  if (batch) return `batch:${batch}`;
  return document ? `document:${document}` : "mine";
}

function matches(
  job: Job,
  { status, pipeline, document, batch, collection, q }: JobsFilter,
): boolean {
  const statuses = typeof status === "string" ? [status] : status;
  const name = job.document?.filename.toLowerCase() ?? "";
  return (
    (!statuses || statuses.includes(job.status)) &&
    (!pipeline || job.pipeline === pipeline) &&
    (!document || job.document?.id === document) &&
    (!batch || job.batch === batch) &&
    (!collection || job.collection === collection) &&
    (!q || name.includes(q.toLowerCase()))
  );
}
