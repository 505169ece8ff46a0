"use client";
/**
 * A value that waits for its last change.
 *
 * Enters: a value. Leaves: the same, once it has not changed for a while. Never: the first value
 * late.
 */

import { useEffect, useState } from "react";

/** `value`, when it has stayed the same for `ms`. */
export function useDebounced<T>(value: T, ms: number): T {
  const [settled, settle] = useState(value);
  useEffect(() => {
    if (Object.is(value, settled)) return;
    const timer = setTimeout(() => settle(value), ms);
    return () => clearTimeout(timer);
  }, [value, settled, ms]);
  return settled;
}
