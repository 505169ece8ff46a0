/**
 * Orders to one job or many. Enters: jobs. Leaves: what was done, and a message where something
 * could not be.
 */
import type { Job, SubmitOptions } from "@milepost/client";
import { isTerminal } from "@milepost/client";
import { useMilepost } from "@milepost/react";
import { useMemo } from "react";
import { useTexts } from "../texts/texts";
import { useToast } from "../ui/toasts";
import { orderAll } from "./bulk";

export type Order = "confirm" | "cancel" | "retry" | "again" | "delete";

/** Whether a job takes an order now. */
export function takes(order: Order, job: Job): boolean {
  const ended = isTerminal(job.status);
  if (order === "confirm") return job.status === "awaiting" && job.document != null;
  if (order === "cancel") return !ended;
  if (order === "retry") return job.status === "failed" || job.status === "cancelled";
  if (order === "again") return job.document != null && job.pipeline !== "external";
  return ended;
}

/** Whether it failed for want of a password, and takes one now: a retry would fail as before. */
export const needsPassword = (job: Job): boolean =>
  job.error?.code === "document_encrypted" && takes("again", job);

/** What is done once more with a job's document. */
const sameOf = ({ pipeline, collection }: Job): SubmitOptions => ({
  pipeline,
  ...(collection ? { collection } : {}),
});

export interface Orders {
  /** Orders all that take it, and tells of those that could not be done. */
  give(order: Order, jobs: readonly Job[]): Promise<void>;
  /** Converts a job's document once more, with other options. Rejects with a `MilepostError`. */
  again(job: Job, options?: SubmitOptions): Promise<Job>;
}

export function useOrders(): Orders {
  const client = useMilepost();
  const toast = useToast();
  const t = useTexts();
  return useMemo(() => {
    const again = (job: Job, options: SubmitOptions = sameOf(job)): Promise<Job> =>
      client.submit({ document: job.document?.id ?? "" }, { ...options, force: true });
    const one: Record<Order, (job: Job) => Promise<unknown>> = {
      confirm: ({ id }) => client.confirm(id),
      cancel: ({ id }) => client.cancel(id),
      retry: ({ id }) => client.retry(id),
      delete: ({ id }) => client.remove(id),
      again: (job) => again(job),
    };
    return {
      again,
      async give(order, jobs) {
        const taking = jobs.filter((job) => takes(order, job));
        const refused = await orderAll(order, taking, one[order]);
        const [first] = refused;
        if (first) toast("bad", t.someFailed(refused.length, first.message));
      },
    };
  }, [client, toast, t]);
}
