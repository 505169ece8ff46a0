// Lists of jobs, as far as they are understood. Enters: a query. Leaves: jobs.

import { invalidResponse } from "../errors.js";
import type { Call, Http, Query } from "../http.js";
import type { Job } from "../types.js";
import { fieldsOf, jobOf } from "./messages.js";

/** The most jobs that one list has. */
export const PAGE = 200;

/** One page of a list, newest first, and where the next one begins. */
export async function listJobs(
  http: Http,
  query: Query,
  call: Call = {},
): Promise<{ jobs: Job[]; next: string | undefined }> {
  const list = fieldsOf(await http.json<unknown>("/v1/jobs", { ...call, query }));
  if (!Array.isArray(list?.items)) throw invalidResponse();
  const jobs = list.items.map(jobOf).filter((job) => job !== undefined);
  return { jobs, next: typeof list.next === "string" ? list.next : undefined };
}

/**
 * Of these jobs those that the server has gone back with, since it was restored from an
 * older copy. A list alone does not tell: a page's worker may have answered with one
 * that it kept.
 */
export async function goneBack(
  http: Http,
  jobs: readonly Job[],
  newest: (id: string) => number,
  call: Call = {},
): Promise<readonly Job[]> {
  const older = jobs.filter(({ id, seq }) => seq < newest(id));
  const [first] = older;
  if (!first) return [];
  const query = { after: newest(first.id) };
  return http.text(`/v1/jobs/${encodeURIComponent(first.id)}`, { ...call, query }).then(
    () => [],
    // It refuses a position that it has not reached.
    (error) => (error.code === "conflict" ? older : []),
  );
}
