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
