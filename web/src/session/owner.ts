/**
 * Whose copies and waiting submissions are in this browser. Enters: owners as they are known.
 * Leaves: the last one. What one left is never shown to the next.
 */
import { forgetCopies } from "../offline/worker-client";

const KEY = "milepost.owner";

/** The last owner; `undefined` where there was none, or where storage is switched off. */
export function lastOwner(): string | undefined {
  try {
    return localStorage.getItem(KEY) ?? undefined;
  } catch {
    return undefined;
  }
}

/** Notes who is signed in. Copies of somebody else are deleted before. */
export async function noteOwner(owner: string): Promise<void> {
  const last = lastOwner();
  if (last === owner) return;
  if (last !== undefined) await forgetCopies();
  localStorage.setItem(KEY, owner);
}

/** Forgets who was signed in. */
export function dropOwner(): void {
  localStorage.removeItem(KEY);
}
