"use client";
/**
 * A value of the client as state of a component.
 *
 * Enters: a `Readable`, the state to render on a server. Leaves: its present snapshot. Never: a
 * subscription that outlives the component.
 */

import type { Readable } from "@milepost/client";
import { useCallback, useSyncExternalStore } from "react";

const nothing = () => {};

/**
 * Subscribes to `readable`, or to nothing. `initial` is what a server renders and a browser
 * hydrates, so it must be one object, not a new one each time.
 */
export function useReadable<T>(readable: Readable<T> | undefined, initial: T): T {
  const subscribe = useCallback(
    (listener: () => void) => readable?.subscribe(listener) ?? nothing,
    [readable],
  );
  const snapshot = () => readable?.getSnapshot() ?? initial;
  return useSyncExternalStore(subscribe, snapshot, () => initial);
}
