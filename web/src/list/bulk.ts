/**
 * Orders to many jobs, while they are carried out. Enters: the jobs and the order. Leaves: how far
 * each such order is, on whichever screen one is, and a way to stop it. Never sends hundreds of
 * requests at once; never stops at the first refusal.
 */
import type { MilepostError } from "@milepost/client";
import type { Order } from "./orders";

/** More jobs than this are asked about first, and their order shows how far it is. */
export const MANY = 20;

const PARALLEL = 4;

export interface Bulk {
  readonly id: number;
  readonly order: Order;
  readonly done: number;
  readonly total: number;
  /** Begins no more. Those that are on their way still come to their end. */
  stop(): void;
}

let underWay: readonly Bulk[] = [];
let last = 0;
const listeners = new Set<() => void>();

function set(next: readonly Bulk[]): void {
  underWay = next;
  for (const listener of listeners) listener();
}

const advance = (id: number): void =>
  set(underWay.map((bulk) => (bulk.id === id ? { ...bulk, done: bulk.done + 1 } : bulk)));

/** The orders to many that are under way, the oldest first. */
export const bulks = {
  get: (): readonly Bulk[] => underWay,
  subscribe(listener: () => void): () => void {
    listeners.add(listener);
    return () => listeners.delete(listener);
  },
};

/** Calls `one` for each thing, a few at a time. Resolves with the refusals of those it came to. */
export async function orderAll<T>(
  order: Order,
  things: readonly T[],
  one: (thing: T) => Promise<unknown>,
): Promise<MilepostError[]> {
  last += 1;
  const id = last;
  const rest = things.values();
  const refused: MilepostError[] = [];
  let stopped = false;
  const stop = (): void => {
    stopped = true;
  };
  const shown = things.length > MANY;
  if (shown) set([...underWay, { id, order, done: 0, total: things.length, stop }]);
  const work = async (): Promise<void> => {
    for (const thing of rest) {
      // The client rejects with nothing else than its own errors.
      await one(thing).catch((error: MilepostError) => refused.push(error));
      if (shown) advance(id);
      if (stopped) return;
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, work));
  if (shown) set(underWay.filter((bulk) => bulk.id !== id));
  return refused;
}
