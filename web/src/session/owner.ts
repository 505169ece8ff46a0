/**
 * Whose copies and waiting submissions are in this browser. Enters: owners as they are known.
 * Leaves: the last one. What one left is never shown to the next.
 */
import { forgetDismissed } from "../collections/dismissed";
import { forgetCopies } from "../offline/worker-client";
import { leave } from "../settings/push";
import { lock } from "./lock";

const KEY = "milepost.owner";

/** The last owner; `undefined` where there was none, or where storage is switched off. */
export function lastOwner(): string | undefined {
  try {
    return localStorage.getItem(KEY) ?? undefined;
  } catch {
    return undefined;
  }
}

/**
 * Notes who is signed in. Copies of somebody else, and their notifications, are ended before; also
 * where nobody is noted, for an answer may have come behind the last one's sign-out. What a session's
 * end had shut is open then.
 */
export async function noteOwner(owner: string): Promise<void> {
  if (lastOwner() !== owner) {
    await Promise.all([forgetCopies(), leave()]);
    localStorage.setItem(KEY, owner);
  }
  lock.open();
}

/** Calls `listener` when another tab signs somebody else in, or out. Returns what ends that. */
export function onOwnerChange(listener: () => void): () => void {
  const heard = ({ key }: StorageEvent): void => {
    if (key === KEY) listener();
  };
  addEventListener("storage", heard);
  return () => removeEventListener("storage", heard);
}

/** Forgets who was signed in. */
export function dropOwner(): void {
  localStorage.removeItem(KEY);
  forgetDismissed();
}
