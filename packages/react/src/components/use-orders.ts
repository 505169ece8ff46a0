"use client";
/**
 * Orders from buttons.
 *
 * Enters: a call of the client. Leaves: whether it is under way, why it failed. Never: the same
 * order twice at a time, or a rejection that nobody sees.
 */

import type { MilepostError } from "@milepost/client";
import { useCallback, useEffect, useRef, useState } from "react";

/** The state of a component's orders. */
export interface Orders {
  readonly busy: boolean;
  /** Why the last one failed; gone with the next. */
  readonly error: MilepostError | undefined;
  run(order: () => Promise<unknown>): void;
}

/** Runs one order at a time and keeps its error to be shown. */
export function useOrders(): Orders {
  const [state, setState] = useState<{ busy: boolean; error: MilepostError | undefined }>({
    busy: false,
    error: undefined,
  });
  const running = useRef(false);
  const mounted = useRef(false);
  useEffect(() => {
    mounted.current = true;
    return () => {
      mounted.current = false;
    };
  }, []);

  const run = useCallback((order: () => Promise<unknown>) => {
    if (running.current) return;
    running.current = true;
    setState({ busy: true, error: undefined });
    const end = (error: MilepostError | undefined) => {
      running.current = false;
      if (mounted.current) setState({ busy: false, error });
    };
    order().then(
      () => end(undefined),
      // The client rejects with nothing else than its own errors.
      (error: MilepostError) => end(error),
    );
  }, []);
  return { ...state, run };
}
