"use client";
/**
 * The newest value, for what happens outside of rendering.
 *
 * Enters: a value. Leaves: a box with that of the last render. Never: a value of a render that was
 * thrown away.
 */

import { type RefObject, useEffect, useRef } from "react";

/** A ref that always holds the newest `value`: a handler, mostly. */
export function useLatest<T>(value: T): RefObject<T> {
  const ref = useRef(value);
  useEffect(() => {
    ref.current = value;
  });
  return ref;
}
