// One connection for all tabs of a user. Enters: topics of this tab, messages from
// other tabs. Leaves: a connection in one of them, the leader; to the others what
// they watch. Never: a token in a name or a message, or one user's jobs to another.
//
// The leader holds a lock. Whoever waits for it follows, and leads when it is free:
// also where the leader's tab has crashed. Each tab holds a lock of its own, by
// which the leader learns that it is gone.

import { MilepostError } from "../errors.js";
import { type Log, randomId } from "../platform.js";
import type { ConnectionState } from "../types.js";
import type { Connection } from "./connection.js";
import type { Hub, Listener, Update } from "./hub.js";
import { fieldsOf, messageOf, refusalOf } from "./messages.js";
import { type Link, NOTHING, type Standing } from "./standing.js";
import type { Topic } from "./topics.js";

/** What a tab shares with others by. */
export interface TabsParts {
  /** The same for tabs of one user at one server, and for no others. */
  readonly name: string;
  readonly hub: Hub;
  readonly log: Log;
  readonly locks: LockManager;
  /** Connects; `changed` is called when that stands in another way. */
  connect(changed: () => void): Connection;
  /** How it stands has changed. */
  onChange(): void;
  /** Another tab leads now: what ended meanwhile is asked for. */
  catchUp(): void;
}

/** An error's fields: errors of one's own kind do not come through a channel whole. */
type Told = Pick<MilepostError, "code" | "message" | "status" | "retryable">;

/** What tabs say to each other. `to` is a tab; without it all are meant. */
type Say =
  | { readonly type: "lead" }
  | {
      readonly type: "want";
      readonly from: string;
      readonly topics: Topic[];
      readonly after: [string, number][];
    }
  | { readonly type: "retry" }
  | {
      readonly type: "state";
      readonly state: Omit<Standing, "error">;
      readonly error: Told | undefined;
    }
  | { readonly type: "update"; readonly to: string; readonly message: unknown };

/** This tab among the others. */
export class Tabs implements Link {
  readonly #parts: TabsParts;
  readonly #me = randomId();
  readonly #abort = new AbortController();
  readonly #channel: BroadcastChannel;
  readonly #followers = new Map<string, Listener>();
  #connection: Connection | undefined;
  #standing: Standing = { ...NOTHING, status: "connecting" };
  #asked = false;
  /** What the leader was asked for. */
  #wants = new Set<Topic>();

  constructor(parts: TabsParts) {
    this.#parts = parts;
    this.#channel = new BroadcastChannel(parts.name);
    this.#channel.onmessage = ({ data }) => this.#hear(data);
    this.#hold(`${parts.name}:${this.#me}`, () => this.#ask());
    this.#hold(parts.name, () => this.#lead());
  }

  state(): ConnectionState {
    return this.#connection
      ? { ...this.#connection.state(), role: "leader" }
      : { ...this.#standing, role: "follower" };
  }

  update() {
    if (this.#connection) return this.#connection.update();
    // What is watched no more is told at once: if it is back in the same turn, it begins anew.
    const topics = new Set(this.#parts.hub.topics());
    if ([...this.#wants].some((topic) => !topics.has(topic))) this.#ask();
    // Several changes in one turn are one message.
    if (this.#asked) return;
    this.#asked = true;
    queueMicrotask(() => this.#ask());
  }

  retryNow(): void {
    if (this.#connection) this.#connection.retryNow();
    else this.#say({ type: "retry" });
  }

  gap(): void {
    this.#connection?.gap();
  }

  close(): void {
    this.#abort.abort();
    for (const follower of this.#followers.values()) this.#parts.hub.remove(follower);
    this.#connection?.close();
    this.#channel.close();
  }

  #changed() {
    this.#tell();
    this.#parts.onChange();
  }

  #tell() {
    if (!this.#connection) return;
    const { error, ...state } = this.#connection.state();
    const told = error && {
      code: error.code,
      message: error.message,
      status: error.status,
      retryable: error.retryable,
    };
    this.#say({ type: "state", state, error: told });
  }

  /** Holds a lock until the end of this tab. */
  #hold(name: string, held: () => void) {
    const { signal } = this.#abort;
    const until = () =>
      new Promise<void>((resolve) => {
        if (signal.aborted) return resolve();
        signal.addEventListener("abort", () => resolve());
        held();
      });
    this.#parts.locks.request(name, { signal }, until).catch(() => undefined);
  }

  #lead() {
    this.#parts.log("this tab leads");
    this.#parts.hub.lost();
    this.#connection = this.#parts.connect(() => this.#changed());
    this.#say({ type: "lead" });
    this.#changed();
  }

  #ask() {
    this.#asked = false;
    if (this.#connection || this.#abort.signal.aborted) return;
    const { hub } = this.#parts;
    const topics = hub.topics();
    this.#wants = new Set(topics);
    this.#say({ type: "want", from: this.#me, topics, after: hub.seqs() });
  }

  #say(message: Say) {
    if (!this.#abort.signal.aborted) this.#channel.postMessage(message);
  }

  #hear(data: unknown) {
    const message = fieldsOf(data);
    if (this.#connection) {
      if (message?.type === "want") this.#wanted(message);
      if (message?.type === "retry") this.#connection.retryNow();
    } else if (message?.type === "lead") {
      this.#parts.hub.lost();
      this.#ask();
      this.#parts.catchUp();
    } else if (message?.type === "state") {
      this.#stands(message);
    } else if (message?.type === "update" && message.to === this.#me) {
      this.#updated(message.message);
    }
  }

  /** A tab follows, or watches something else. */
  #wanted({ from, topics, after }: Readonly<Record<string, unknown>>) {
    if (typeof from !== "string" || !Array.isArray(topics) || !Array.isArray(after)) return;
    const { hub, locks, name } = this.#parts;
    const wanted = topics.filter((topic): topic is Topic =>
      /^(mine$|(job|batch|document):)/.test(topic),
    );
    const known = this.#followers.get(from);
    if (known) {
      hub.change(known, wanted);
    } else {
      const follower: Listener = {
        topics: wanted,
        receive: (update) => this.#say({ type: "update", to: from, message: told(update) }),
        // It hears how the connection stands.
        ended: () => undefined,
      };
      this.#followers.set(from, follower);
      hub.add(follower, after.filter(isPosition));
      const gone = () => {
        this.#followers.delete(from);
        hub.remove(follower);
      };
      locks.request(`${name}:${from}`, { signal: this.#abort.signal }, gone).catch(() => undefined);
    }
    this.#tell();
  }

  #stands({ state, error }: Readonly<Record<string, unknown>>) {
    const standing = fieldsOf(state);
    if (typeof standing?.status !== "string" || !fieldsOf(standing.metrics)) return;
    const ended = standing.status === "ended" && this.#standing.status !== "ended";
    const why = errorOf(error);
    this.#standing = { ...(standing as unknown as Standing), error: why };
    this.#parts.onChange();
    if (ended && why) this.#parts.hub.ended(why);
  }

  #updated(value: unknown) {
    const message = messageOf(value);
    const { hub } = this.#parts;
    if (message?.type === "error" && typeof message.ref === "string") {
      hub.receive(refusalOf(message.ref as Topic, message.code, message.message));
    } else if (
      message?.type === "snapshot" ||
      message?.type === "queue" ||
      message?.type === "removed"
    ) {
      hub.receive(message);
    }
  }
}

/** An update in the words of the wire, which are validated where it arrives. */
function told(update: Update): unknown {
  switch (update.type) {
    case "snapshot":
      return update;
    case "queue":
      return { type: "queue", job: update.job.id, ...update.job.queue };
    case "removed":
      return { type: "removed", job: update.id };
    case "refused": {
      const { code, message } = update.error;
      return { type: "error", code, message, ref: update.topic };
    }
  }
}

function errorOf(value: unknown): MilepostError | undefined {
  const error = fieldsOf(value);
  if (typeof error?.code !== "string" || typeof error.message !== "string") return undefined;
  return new MilepostError(error.code, error.message, {
    retryable: error.retryable === true,
    status: typeof error.status === "number" ? error.status : undefined,
  });
}

const isPosition = (value: unknown): value is [string, number] =>
  Array.isArray(value) && typeof value[0] === "string" && Number.isSafeInteger(value[1]);

/**
 * The name that tabs of one user share: of the server, and of the token or else the
 * session's owner. Nothing can be learnt from it.
 */
export async function nameOf(base: string, who: string): Promise<string> {
  const bytes = new TextEncoder().encode(`${base}\n${who}`);
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return `milepost:${Array.from(hash.subarray(0, 12), (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}
