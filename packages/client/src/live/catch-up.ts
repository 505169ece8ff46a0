// What was missed while nothing was open. Enters: what is known. Leaves: the jobs that
// changed since, to the hub. Never: more than a bounded number of requests.

import type { Http } from "../http.js";
import type { Hub } from "./hub.js";
import { goneBack, listJobs, PAGE } from "./lists.js";
import { jobOf } from "./messages.js";

/** Jobs that are asked for one by one. */
const CATCH_UP = 50;

/**
 * One's own jobs that ended while nothing was open, which no transport tells of: the
 * newest ones, and those that were under way.
 */
export async function catchUp(http: Http, hub: Hub, signal: AbortSignal): Promise<void> {
  const before = hub.active();
  const known = new Map(hub.seqs());
  const { jobs } = await listJobs(http, { limit: PAGE }, { signal });
  if (signal.aborted) return;
  hub.receive({ type: "list", jobs, mine: true });
  const newest = (id: string) => known.get(id) ?? 0;
  for (const job of await goneBack(http, jobs, newest, { signal })) {
    if (hub.seq(job.id) === newest(job.id)) hub.restored(job);
  }
  const listed = new Set(jobs.map((job) => job.id));
  const silent = before.filter(({ id, seq }) => !listed.has(id) && hub.seq(id) === seq);
  for (const { id } of silent.slice(0, CATCH_UP)) {
    const job = jobOf(await http.json(`/v1/jobs/${encodeURIComponent(id)}`, { signal }));
    if (job) hub.receive({ type: "snapshot", job });
  }
}
