"use client";
/**
 * Whether the page can be seen.
 *
 * Enters: `visibilitychange`. Leaves: a boolean; on a server it can. Never: a listener that stays.
 */

import { useSyncExternalStore } from "react";

function subscribe(listener: () => void): () => void {
  document.addEventListener("visibilitychange", listener);
  return () => document.removeEventListener("visibilitychange", listener);
}

/** `false` while the page is in a hidden tab. */
export function useVisible(): boolean {
  return useSyncExternalStore(
    subscribe,
    () => document.visibilityState !== "hidden",
    () => true,
  );
}
