/**
 * A job's room over Socket.IO.
 *
 * Enters: where the server is, which job, a token. Leaves: the job at each change, how the socket
 * stands. Never: loads `socket.io-client` before it is asked for; stays in the room behind the end.
 */

import { hasEnded, isRoomJob, type RoomJob } from "./room-job.js";

/** Where to connect. */
export interface RoomSocketOptions {
  /** The server's origin; the page's by default. */
  url?: string | undefined;
  /** An access token, or what gives one at each connect. Not needed where a cookie says who one is. */
  token?: string | (() => string | undefined) | undefined;
}

/** Who is told. */
export interface RoomListener {
  onJob(job: RoomJob): void;
  /** `error` is why there is no connection, or why the server refuses. */
  onState(connected: boolean, error: string | null): void;
}

/** Joins the room of a job. Returns what leaves it. */
export function joinRoom(
  jobId: string | number,
  { url, token }: RoomSocketOptions,
  listener: RoomListener,
): () => void {
  let leave = () => {};
  let left = false;

  const join = async () => {
    const io = await load();
    if (left) return;
    if (io === undefined) {
      listener.onState(false, "socket.io-client could not be loaded. Is it installed?");
      return;
    }
    const socket = io(url ?? globalThis.location.origin, {
      // A socket of its own: leaving ends it, whoever else is connected.
      forceNew: true,
      transports: ["websocket", "polling"],
      reconnectionAttempts: 5,
      reconnectionDelay: 1000,
      reconnectionDelayMax: 30_000,
      auth: (give) => give({ token: typeof token === "function" ? token() : token }),
    });
    leave = () => {
      if (socket.connected) socket.emit("leave_job", { job_id: jobId });
      socket.disconnect();
    };
    socket.on("connect", () => {
      listener.onState(true, null);
      socket.emit("join_job", { job_id: jobId });
    });
    socket.on("disconnect", (reason) => {
      if (left) return;
      listener.onState(false, null);
      // The credential has ended. The library comes back by itself from all else, and not from this.
      if (reason === "io server disconnect") socket.connect();
    });
    socket.on("connect_error", (error) => listener.onState(false, error.message));
    socket.on("error", (said: unknown) => listener.onState(socket.connected, messageOf(said)));
    socket.on("job_progress", (job: unknown) => {
      if (left || !isRoomJob(job) || String(job.id) !== String(jobId)) return;
      listener.onJob(job);
      if (hasEnded(job)) end();
    });
  };

  const end = () => {
    if (left) return;
    left = true;
    leave();
    listener.onState(false, null);
  };

  void join();
  return () => {
    if (!left) leave();
    left = true;
  };
}

/** Within `try`, bundlers take a package that is not installed for optional, as it is. */
async function load(): Promise<typeof import("socket.io-client").io | undefined> {
  try {
    const { io } = await import("socket.io-client");
    return io;
  } catch {
    return undefined;
  }
}

function messageOf(said: unknown): string {
  const { message } = (said ?? {}) as { message?: unknown };
  return typeof message === "string" ? message : "The server refused, and did not say why.";
}
