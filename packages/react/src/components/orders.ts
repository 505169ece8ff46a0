/**
 * Orders to one job or to many.
 *
 * Enters: jobs. Leaves: calls of the client, one after the other. Never: an order that the job's
 * status does not allow.
 */

import { isTerminal, type Job, type Milepost } from "@milepost/client";

/**
 * Converts again what has ended: what failed or was cancelled goes on; of what completed there will
 * be another job, since its result is there already.
 */
export function again(client: Milepost, job: Job): Promise<Job> {
  if (job.status !== "completed" || job.document == null) return client.retry(job.id);
  const { document, pipeline } = job;
  return client.submit({ document: document.id }, { pipeline, force: true });
}

/** Converts again whichever of the jobs have ended. */
export async function againAll(client: Milepost, jobs: readonly Job[]): Promise<void> {
  await each(
    jobs.filter(({ status }) => isTerminal(status)),
    (job) => again(client, job),
  );
}

/** Cancels whichever of the jobs have not ended. */
export async function cancelAll(client: Milepost, jobs: readonly Job[]): Promise<void> {
  await each(
    jobs.filter(({ status }) => !isTerminal(status)),
    ({ id }) => client.cancel(id),
  );
}

/** All of them, whatever becomes of one; rejects with the first error behind the last. */
async function each(jobs: readonly Job[], order: (job: Job) => Promise<Job>): Promise<void> {
  const errors: unknown[] = [];
  for (const job of jobs) await order(job).catch((error: unknown) => errors.push(error));
  if (errors.length > 0) throw errors[0];
}
