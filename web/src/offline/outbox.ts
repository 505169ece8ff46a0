/**
 * Submissions that wait for the connection. Enters: sources with their options. Leaves: the same,
 * sent once each, whoever sends them: a tab or the service worker. Never keeps a password; never
 * sends what another owner left here.
 */
import type { Milepost, MilepostError, Source, SubmitOptions } from "@milepost/client";
import { type DBSchema, openDB } from "idb";

/** A submission that waits. */
export interface Waiting {
  /** Its idempotency key too: sent twice, it makes one job. */
  readonly key: string;
  readonly owner: string;
  readonly name: string;
  /** ms since 1970; the oldest is sent first. */
  readonly addedAt: number;
  readonly source: Source;
  readonly options: SubmitOptions;
  /** Why the server will not have it. Such an entry is not sent again; its owner removes it. */
  readonly refused?: string;
}

/** Where waiting submissions are kept. */
export interface Box {
  all(): Promise<Waiting[]>;
  put(waiting: Waiting): Promise<unknown>;
  delete(key: string): Promise<unknown>;
}

interface Schema extends DBSchema {
  outbox: { key: string; value: Waiting };
}

const CHANNEL = "milepost-outbox";
const LOCK = "milepost-outbox";

const database = () =>
  openDB<Schema>("milepost-app", 1, {
    upgrade(db) {
      db.createObjectStore("outbox", { keyPath: "key" });
    },
  });

function changed(): void {
  const channel = new BroadcastChannel(CHANNEL);
  channel.postMessage("changed");
  channel.close();
}

/** The box of this browser. */
export const box: Box & { clear(): Promise<void> } = {
  async all() {
    const entries = await (await database()).getAll("outbox");
    return entries.sort((one, other) => one.addedAt - other.addedAt);
  },
  async put(waiting) {
    await (await database()).put("outbox", waiting);
    changed();
  },
  async delete(key) {
    await (await database()).delete("outbox", key);
    changed();
  },
  async clear() {
    await (await database()).clear("outbox");
    changed();
  },
};

/** Calls `listener` whenever any tab, or the worker, changed the box. Returns what ends that. */
export function onBoxChange(listener: () => void): () => void {
  const channel = new BroadcastChannel(CHANNEL);
  channel.onmessage = listener;
  return () => channel.close();
}

type Submit = (source: Source, options: SubmitOptions) => Promise<unknown>;

/**
 * Sends what waits for `owner`, oldest first. Who that is, is asked before each: another tab may
 * sign somebody else in meanwhile. Resolves with `later` where the connection, or the session, is
 * still missing. What the server refuses for good is marked, and the rest goes on.
 */
export async function flush(
  from: Box,
  owner: () => Promise<string>,
  submit: Submit,
): Promise<"done" | "later"> {
  for (const waiting of await from.all()) {
    if (waiting.refused !== undefined || waiting.owner !== (await owner())) continue;
    try {
      await submit(waiting.source, { ...waiting.options, idempotencyKey: waiting.key });
      await from.delete(waiting.key);
    } catch (caught) {
      // The client rejects with nothing else than its own errors.
      const error = caught as MilepostError;
      if (error.retryable || error.status === 401) return "later";
      await from.put({ ...waiting, refused: error.message });
    }
  }
  return "done";
}

/**
 * `flush` of this browser's box, by one sender at a time where the browser can tell, for whoever
 * the server knows the client as: what a page believes may be about who was signed in before.
 */
export async function flushBox(client: Milepost): Promise<"done" | "later"> {
  const owner = async (): Promise<string> => (await client.session.get()).owner;
  const submit: Submit = (source, options) => client.submit(source, options);
  // Not on a page without https: two tabs may send the same then, which its key makes one job.
  if (!("locks" in navigator)) return flush(box, owner, submit);
  return await navigator.locks.request(LOCK, () => flush(box, owner, submit));
}
