/**
 * The progress that a page had before it was loaded again.
 *
 * Enters: a state. Leaves: the same from `localStorage`, as far as it is one. Never: a credential,
 * or an error where there is no storage, or no room in it.
 */

import { type ConversionStatus, isConversionStatus } from "./conversion-status.js";
import { HISTORY_LIMIT, type ProgressState } from "./progress-state.js";

/** Where it is kept. */
export interface StorageKeys {
  readonly status: string;
  readonly history: string;
}

/** What was kept. */
export type Stored = Pick<ProgressState, "status" | "history">;

/** `PREFIXKEY` for the status, `PREFIXhistory_KEY` for the history. */
export function storageKeys(prefix: string, key: string): StorageKeys {
  return { status: `${prefix}${key}`, history: `${prefix}history_${key}` };
}

/** Reads what was kept. What is none of it is left out. */
export function readProgress(storage: Storage, keys: StorageKeys): Stored {
  const status = parsed(storage, keys.status);
  const history = parsed(storage, keys.history);
  return {
    status: isConversionStatus(status) ? status : null,
    history: Array.isArray(history)
      ? history
          .slice(-HISTORY_LIMIT)
          .filter((each): each is ConversionStatus => isConversionStatus(each))
      : [],
  };
}

/** Keeps it. Where that does not work, the page goes on without. */
export function writeProgress(
  storage: Storage,
  keys: StorageKeys,
  { status, history }: Stored,
): void {
  try {
    if (status === null) storage.removeItem(keys.status);
    else storage.setItem(keys.status, JSON.stringify(status));
    storage.setItem(keys.history, JSON.stringify(history));
  } catch {
    // Full, or not allowed: what is shown is not worse for it.
  }
}

/** The page's storage, where it may have one. */
export function localStorageIfAny(): Storage | undefined {
  try {
    return globalThis.localStorage;
  } catch {
    return undefined;
  }
}

function parsed(storage: Storage, key: string): unknown {
  try {
    return JSON.parse(storage.getItem(key) ?? "null");
  } catch {
    return null;
  }
}
