"use client";
/**
 * `ProgressProvider` and `useProgress`: one job at a time, for a part of a page.
 *
 * Enters: which job; actions. Leaves: its status, how the page is connected, what was before.
 * Never: a connection behind the end of the job or of the provider.
 */

import type { MilepostOptions } from "@milepost/client";
import {
  createContext,
  type ReactNode,
  useContext,
  useEffect,
  useMemo,
  useReducer,
  useState,
} from "react";
import { useReadable } from "../hooks/use-readable.js";
import { MilepostProvider, useMilepost, useMilepostIfAny } from "../provider.js";
import {
  type ConnectionStatus,
  type ConversionStatus,
  connectionStatus,
  conversionStatus,
} from "./conversion-status.js";
import { initialProgress, type ProgressState, progressReducer } from "./progress-state.js";
import { localStorageIfAny, readProgress, storageKeys, writeProgress } from "./progress-storage.js";

/** What can be done. All functions stay the same while the provider is mounted. */
export interface ProgressActions {
  /** Sets the status, and adds it to the history. */
  updateStatus(status: ConversionStatus): void;
  /** Forgets the status. The history stays. */
  clearStatus(): void;
  setConnectionStatus(status: ConnectionStatus): void;
  setConnectionError(error: string | null): void;
  /** Watches a job, in the place of the one before. Ends by itself with the job. */
  connectToJob(jobId: string): void;
  disconnectFromJob(): void;
}

/** What `useProgress` returns. */
export interface ProgressContextValue {
  readonly state: ProgressState;
  readonly actions: ProgressActions;
}

const Context = createContext<ProgressContextValue | undefined>(undefined);

/** Props of `ProgressProvider`. */
export interface ProgressProviderProps {
  children?: ReactNode;
  /** Keeps status and history in `localStorage`. On by default. */
  enablePersistence?: boolean | undefined;
  /** Ends the names in `localStorage`. `default` by default. */
  persistenceKey?: string | undefined;
  /** Begins the names in `localStorage`. `modporter_progress_` by default. */
  persistencePrefix?: string | undefined;
  /** Options of a client of its own, where there is no `MilepostProvider` above. */
  options?: MilepostOptions | undefined;
}

/** Holds the progress of one job for everything below it. */
export function ProgressProvider({ options, ...props }: ProgressProviderProps): ReactNode {
  const outer = useMilepostIfAny();
  if (outer !== undefined) return <Holder {...props} />;
  return (
    <MilepostProvider options={options}>
      <Holder {...props} />
    </MilepostProvider>
  );
}

function Holder({
  children,
  enablePersistence = true,
  persistenceKey = "default",
  persistencePrefix = "modporter_progress_",
}: Omit<ProgressProviderProps, "options">): ReactNode {
  const { connection } = useMilepost();
  const [state, dispatch] = useReducer(progressReducer, initialProgress);
  const [target, setTarget] = useState<Target | undefined>(undefined);
  usePersistence(enablePersistence, persistencePrefix, persistenceKey, state, dispatch);
  useWatch(target, dispatch, setTarget);

  const link = useReadable(target === undefined ? undefined : connection, undefined);
  useEffect(() => {
    if (link === undefined) return;
    dispatch({ type: "connection", ...connectionStatus(link) });
    dispatch({ type: "error", error: link.error?.message ?? null });
  }, [link]);

  const actions = useMemo(
    (): ProgressActions => ({
      updateStatus: (status) => dispatch({ type: "status", status }),
      clearStatus: () => dispatch({ type: "clear" }),
      setConnectionStatus: (status) => dispatch({ type: "connection", status }),
      setConnectionError: (error) => dispatch({ type: "error", error }),
      // An object of its own each time: connecting to the same job again begins anew.
      connectToJob: (jobId) => setTarget({ jobId }),
      disconnectFromJob: () => setTarget(undefined),
    }),
    [],
  );
  const value = useMemo(() => ({ state, actions }), [state, actions]);
  return <Context.Provider value={value}>{children}</Context.Provider>;
}

interface Target {
  readonly jobId: string;
}

type Dispatch = (event: Parameters<typeof progressReducer>[1]) => void;

function useWatch(
  target: Target | undefined,
  dispatch: Dispatch,
  setTarget: (change: (before: Target | undefined) => Target | undefined) => void,
): void {
  const client = useMilepost();
  useEffect(() => {
    if (target === undefined) return;
    const watch = client.watch(target.jobId, {
      onProgress: (job) => dispatch({ type: "status", status: conversionStatus(job) }),
      onError: (error, job) => {
        // That a job failed is told by its status.
        if (job === undefined) dispatch({ type: "error", error: error.message });
      },
    });
    watch.ended.then(() => setTarget((now) => (now === target ? undefined : now)));
    return () => {
      watch.close();
      dispatch({ type: "connection", status: "disconnected" });
    };
  }, [client, target, dispatch, setTarget]);
}

function usePersistence(
  enabled: boolean,
  prefix: string,
  key: string,
  state: ProgressState,
  dispatch: Dispatch,
): void {
  const keys = useMemo(() => storageKeys(prefix, key), [prefix, key]);
  // What was kept is read behind the first render, which has to be the server's.
  const [restored, setRestored] = useState<typeof keys | undefined>(undefined);
  useEffect(() => {
    const storage = enabled ? localStorageIfAny() : undefined;
    if (storage === undefined) return;
    dispatch({ type: "restore", ...readProgress(storage, keys) });
    setRestored(keys);
  }, [enabled, keys, dispatch]);
  const { status, history } = state;
  useEffect(() => {
    const storage = enabled && restored === keys ? localStorageIfAny() : undefined;
    if (storage !== undefined) writeProgress(storage, keys, { status, history });
  }, [enabled, restored, keys, status, history]);
}

/** The state and actions of the nearest `ProgressProvider`. Throws where there is none. */
export function useProgress(): ProgressContextValue {
  const value = useContext(Context);
  if (value === undefined) throw new Error("useProgress needs a <ProgressProvider> above it.");
  return value;
}

/** The same, where there is a provider. */
export function useProgressIfAny(): ProgressContextValue | undefined {
  return useContext(Context);
}
