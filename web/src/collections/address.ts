/**
 * Where a collection is in the app. Enters: its name, which may be any words, or a path. Leaves:
 * the path, or the name. Pure.
 */
const BASE = "/app/collections/";

export const collectionPath = (name: string): string => BASE + encodeURIComponent(name);

/** The collection of a path as the browser has it; the router's own would be decoded half. */
export function collectionIn(path: string): string | undefined {
  if (!path.startsWith(BASE)) return undefined;
  try {
    return decodeURIComponent(path.slice(BASE.length)) || undefined;
  } catch {
    return undefined;
  }
}
