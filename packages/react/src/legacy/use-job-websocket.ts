"use client";
/**
 * `useJobWebSocket`: one job, over the client's connection or in its Socket.IO room.
 *
 * Enters: a job's id, handlers. Leaves: the job, whether updates arrive, why not. Never: watches
 * behind the end of the job; three kinds of it are told apart.
 */

import { useEffect, useState } from "react";
import { useConnection } from "../hooks/use-connection.js";
import { useLatest } from "../hooks/use-latest.js";
import { useMilepost } from "../provider.js";
import { hasEnded, type RoomJob, roomJob } from "./room-job.js";
import { joinRoom, type RoomSocketOptions } from "./room-socket.js";

/** Options of `useJobWebSocket`. */
export interface UseJobWebSocketOptions extends RoomSocketOptions {
  jobId: string | number | null | undefined;
  /** Whether to watch. `true` by default. */
  enabled?: boolean | undefined;
  /** Called at every change, the last one included. */
  onProgress?: ((job: RoomJob) => void) | undefined;
  onComplete?: ((job: RoomJob) => void) | undefined;
  /** The job failed. */
  onError?: ((job: RoomJob) => void) | undefined;
  /** The job was cancelled. */
  onCancelled?: ((job: RoomJob) => void) | undefined;
  /**
   * `native` (the default) uses the provider's client, and none of `url` and `token`. `socket.io`
   * joins the job's room; it needs the package `socket.io-client`.
   */
  transport?: "native" | "socket.io" | undefined;
}

/** What `useJobWebSocket` returns. */
export interface JobWebSocketView {
  readonly job: RoomJob | null;
  /** Whether updates arrive as they happen. `false` behind the end. */
  readonly connected: boolean;
  /** Why there are none. That a job failed is no error of the connection. */
  readonly error: string | null;
}

interface State extends JobWebSocketView {
  readonly key: string | undefined;
}

const EMPTY: State = { key: undefined, job: null, connected: false, error: null };

/** Watches a job until its end. */
export function useJobWebSocket(options: UseJobWebSocketOptions): JobWebSocketView {
  const { jobId, enabled = true, transport = "native", url } = options;
  const client = useMilepost();
  const connection = useConnection();
  const latest = useLatest(options);
  const [state, setState] = useState<State>(EMPTY);
  const id = enabled && jobId != null ? jobId : undefined;
  const key = id === undefined ? undefined : `${transport} ${url ?? ""} ${id}`;

  useEffect(() => {
    if (id === undefined) return;
    setState({ ...EMPTY, key });
    const onJob = (job: RoomJob) => {
      setState((before) => ({ ...before, job }));
      const { onProgress, onComplete, onError, onCancelled } = latest.current;
      onProgress?.(job);
      if (job.status === "completed") onComplete?.(job);
      if (job.status === "failed") onError?.(job);
      if (job.status === "cancelled") onCancelled?.(job);
    };
    if (transport === "socket.io") {
      const token = () => tokenOf(latest.current.token);
      return joinRoom(
        id,
        { url, token },
        {
          onJob,
          onState: (connected, error) => setState((before) => ({ ...before, connected, error })),
        },
      );
    }
    const watch = client.watch(String(id), {
      onProgress: (job) => onJob(roomJob(job)),
      onError: (error, job) => {
        if (job === undefined) setState((before) => ({ ...before, error: error.message }));
      },
    });
    return () => watch.close();
  }, [client, id, key, transport, url, latest]);

  const { job, connected, error } = state.key === key ? state : EMPTY;
  const live = connection.status === "live" && id !== undefined && !(job !== null && hasEnded(job));
  return { job, error, connected: transport === "native" ? live : connected };
}

function tokenOf(token: RoomSocketOptions["token"]): string | undefined {
  return typeof token === "function" ? token() : token;
}
