"use client";
/**
 * `useConversionWebSocket` and `useConversionSSE`: the conversion of a document.
 *
 * Enters: a document's id. Leaves: the progress of its newest job. Never: a transport of its own;
 * the client chooses it, and changes it when it has to, so both names are one hook.
 */

import { useEffect, useState } from "react";
import { useConnection } from "../hooks/use-connection.js";
import { useLatest } from "../hooks/use-latest.js";
import { useMilepost } from "../provider.js";
import {
  type ConversionError,
  type ConversionProgressMessage,
  type ConversionResult,
  documentProgress,
} from "./document-progress.js";

/** Options of `useConversionWebSocket` and `useConversionSSE`. */
export interface UseConversionOptions {
  documentId: string | undefined;
  /** Whether to watch. `true` by default. */
  enabled?: boolean | undefined;
  onProgress?: ((progress: ConversionProgressMessage) => void) | undefined;
  onComplete?: ((result: ConversionResult) => void) | undefined;
  /** The conversion failed, or the document cannot be watched. A cancel is neither. */
  onError?: ((error: ConversionError) => void) | undefined;
}

/** What they return. */
export interface ConversionView {
  /** Whether updates arrive as they happen. */
  readonly connected: boolean;
  readonly progress: ConversionProgressMessage | null;
  readonly error: ConversionError | null;
}

interface State {
  readonly id: string | undefined;
  readonly progress: ConversionProgressMessage | null;
  readonly error: ConversionError | null;
}

const EMPTY: State = { id: undefined, progress: null, error: null };

/** Watches the conversion of a document, over retries and further conversions too. */
export function useConversionWebSocket(options: UseConversionOptions): ConversionView {
  const { documentId, enabled = true } = options;
  const client = useMilepost();
  const connection = useConnection();
  const handlers = useLatest(options);
  const [state, setState] = useState<State>(EMPTY);
  const id = enabled ? documentId : undefined;

  useEffect(() => {
    if (id === undefined) return;
    setState({ ...EMPTY, id });
    let newest = "";
    const fail = (error: ConversionError) => {
      setState((before) => ({ ...before, error }));
      handlers.current.onError?.(error);
    };
    const watch = client.watch(
      { document: id },
      {
        onProgress: (job) => {
          // Ids sort by time. Clients of a document hear of its newest job.
          if (job.id < newest) return;
          newest = job.id;
          const progress = documentProgress(id, job);
          setState({ id, progress, error: null });
          handlers.current.onProgress?.(progress);
        },
        onComplete: (job) => {
          if (job.id < newest) return;
          const { totalPages } = documentProgress(id, job);
          handlers.current.onComplete?.({ success: true, totalPages });
        },
        onError: (error, job) => {
          if (job !== undefined && job.id < newest) return;
          const { message, code, retryable } = job?.error ?? error;
          fail({ message, code, retryable });
        },
      },
    );
    return () => watch.close();
  }, [client, id, handlers]);

  const shown = state.id === id ? state : EMPTY;
  return {
    connected: id !== undefined && connection.status === "live",
    progress: shown.progress,
    error: shown.error,
  };
}

/** The same hook under its other name. */
export const useConversionSSE = useConversionWebSocket;
