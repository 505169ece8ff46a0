// `ConversionWebSocket`, for pages that watch one conversion. Enters: its id. Leaves:
// its states, over the socket of the dialect `agents`, and by polling where that
// fails. Never: goes on behind the end.

import { backoffOf } from "../backoff.js";
import { MilepostError, networkError } from "../errors.js";
import { objectOf, type ServiceOptions, serviceOf } from "./service.js";

export type { ServiceOptions } from "./service.js";

/** An agent that works on a conversion. */
export interface AgentStatus {
  readonly name: string;
  readonly status: "pending" | "running" | "completed" | "failed";
  readonly progress: number;
  readonly message?: string;
}

/** How a conversion stands. */
export interface ConversionStatus {
  readonly job_id: string;
  /** `queued`, `processing`, `completed`, `failed` or `cancelled`. */
  readonly status: string;
  /** 0 to 100. */
  readonly progress: number;
  readonly message: string;
  readonly stage?: string | null;
  /** Seconds. */
  readonly estimated_time_remaining?: number | null;
  readonly result_url?: string | null;
  readonly error?: string | null;
  readonly created_at: string;
  readonly agents?: readonly AgentStatus[];
  readonly current_agent?: string;
}

/** How the connection stands. `disconnected`: closed, or polling. */
export type ConnectionStatus = "connecting" | "connected" | "disconnected" | "error";

/** Attempts of the socket, behind which the state is polled. */
const ATTEMPTS = 5;
/** ms between two looks. */
const POLL = 3_000;
/** Close codes behind which another attempt of the socket would end the same. */
const FINAL = 4400;

const ENDS = new Set(["completed", "failed", "cancelled"]);

/** Watches one conversion. */
export class ConversionWebSocket {
  readonly #id: string;
  readonly #service: ReturnType<typeof serviceOf>;
  readonly #backoff = backoffOf({ jitter: "none" }, Math.random);
  readonly #onMessage = new Set<(status: ConversionStatus) => void>();
  readonly #onStatus = new Set<(status: ConnectionStatus, error?: MilepostError) => void>();
  #socket: WebSocket | undefined;
  #stopTimer: (() => void) | undefined;
  #attempt = 0;
  #polling = false;
  #open = false;

  constructor(jobId: string, options: ServiceOptions = {}) {
    this.#id = encodeURIComponent(jobId);
    this.#service = serviceOf(options);
  }

  /** Whether updates come over the socket, and not by polling. */
  get usingWebSocket(): boolean {
    return !this.#polling;
  }

  /** Calls `handler` with each state. Returns what ends that. */
  onMessage(handler: (status: ConversionStatus) => void): () => void {
    this.#onMessage.add(handler);
    return () => void this.#onMessage.delete(handler);
  }

  /** Calls `handler` when the connection stands in another way. Returns what ends that. */
  onStatus(handler: (status: ConnectionStatus, error?: MilepostError) => void): () => void {
    this.#onStatus.add(handler);
    return () => void this.#onStatus.delete(handler);
  }

  /** Connects; does nothing where it is connected. */
  connect(): void {
    if (this.#open) return;
    this.#open = true;
    this.#attempt = 0;
    this.#polling = false;
    this.#connect();
  }

  /** Ends the connection. It can be made again. */
  disconnect(): void {
    if (!this.#open) return;
    this.#stop();
    this.#tell("disconnected");
  }

  /** Ends everything, and forgets the handlers. */
  destroy(): void {
    this.#stop();
    this.#onMessage.clear();
    this.#onStatus.clear();
  }

  #connect() {
    this.#tell("connecting");
    let socket: WebSocket;
    try {
      socket = this.#service.socket(`/api/v1/conversions/${this.#id}/ws`);
    } catch (error) {
      return this.#failed(0, error);
    }
    this.#socket = socket;
    socket.onmessage = ({ data }) => {
      this.#attempt = 0;
      this.#receive(objectOf(data));
    };
    socket.onopen = () => this.#tell("connected");
    socket.onclose = ({ code }) => {
      if (this.#socket === socket && this.#open) this.#failed(code);
    };
  }

  #failed(code: number, cause?: unknown) {
    this.#socket = undefined;
    this.#attempt += 1;
    const wait = this.#backoff(this.#attempt, undefined, undefined);
    if (this.#attempt > ATTEMPTS || code >= FINAL || wait === null) {
      this.#polling = true;
      this.#tell("disconnected");
      return void this.#poll();
    }
    this.#tell("error", networkError(cause));
    this.#stopTimer = this.#service.clock.after(wait, () => this.#connect());
  }

  async #poll() {
    if (!this.#open) return;
    try {
      const status = await this.#service.http.json<Readonly<Record<string, unknown>>>(
        `/api/v1/conversions/${this.#id}`,
      );
      this.#receive(status);
    } catch (thrown) {
      const error = thrown instanceof MilepostError ? thrown : networkError(thrown);
      if (!this.#open) return;
      this.#tell("error", error);
      if (!error.retryable) return this.#stop();
    }
    if (this.#open) this.#stopTimer = this.#service.clock.after(POLL, () => void this.#poll());
  }

  #receive(message: Readonly<Record<string, unknown>> | undefined) {
    // What is not understood is passed over; pongs have no state.
    if (!this.#open || typeof message?.status !== "string") return;
    if (typeof message.progress !== "number" || typeof message.message !== "string") return;
    const status = { job_id: this.#id, ...message } as unknown as ConversionStatus;
    for (const handler of [...this.#onMessage]) handler(status);
    if (ENDS.has(status.status)) this.disconnect();
  }

  #tell(status: ConnectionStatus, error?: MilepostError) {
    for (const handler of [...this.#onStatus]) handler(status, error);
  }

  #stop() {
    this.#open = false;
    this.#stopTimer?.();
    this.#socket?.close(1000);
    this.#socket = undefined;
  }
}

/** The same, as these pages make it. */
export const createConversionWebSocket = (
  jobId: string,
  options?: ServiceOptions,
): ConversionWebSocket => new ConversionWebSocket(jobId, options);
