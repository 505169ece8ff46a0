/**
 * Orders to one job or many. Enters: jobs. Leaves: what was done, and a message where something
 * could not be. Never stops at the first refusal; never sends hundreds of requests at once.
 */
import type { Job, MilepostError, SubmitOptions } from "@milepost/client";
import { isTerminal } from "@milepost/client";
import { useMilepost } from "@milepost/react";
import { useMemo } from "react";
import { useTexts } from "../texts/texts";
import { useToast } from "../ui/toasts";

export type Order = "confirm" | "cancel" | "retry" | "again" | "delete";

const PARALLEL = 4;

/** Whether a job takes an order now. */
export function takes(order: Order, job: Job): boolean {
  const ended = isTerminal(job.status);
  if (order === "confirm") return job.status === "awaiting" && job.document != null;
  if (order === "cancel") return !ended;
  if (order === "retry") return job.status === "failed" || job.status === "cancelled";
  if (order === "again") return job.document != null && job.pipeline !== "external";
  return ended;
}

/** Calls `order` for each, a few at a time. Resolves with those that were refused. */
export async function forEach<T>(
  things: readonly T[],
  order: (thing: T) => Promise<unknown>,
): Promise<MilepostError[]> {
  const rest = things.values();
  const refused: MilepostError[] = [];
  const work = async (): Promise<void> => {
    for (const thing of rest) {
      // The client rejects with nothing else than its own errors.
      await order(thing).catch((error: MilepostError) => refused.push(error));
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, work));
  return refused;
}

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
    const again = (job: Job, options: SubmitOptions = { pipeline: job.pipeline }): Promise<Job> =>
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
        const refused = await forEach(
          jobs.filter((job) => takes(order, job)),
          one[order],
        );
        const [first] = refused;
        if (first) toast("bad", t.someFailed(refused.length, first.message));
      },
    };
  }, [client, toast, t]);
}
