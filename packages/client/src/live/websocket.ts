// Updates over one WebSocket. Enters: topics with what is known of their jobs.
// Leaves: messages. Never: a credential in the URL.

import { MilepostError, networkError, timeoutError } from "../errors.js";
import type { ClientMessage, Socket } from "../types.js";
import { messageOf, parse, refusalOf } from "./messages.js";
import { namesOf, type Topic } from "./topics.js";
import type { Host, Session } from "./transport.js";

/** ms that an opening may take. */
const OPENING = 10_000;
/** ms between pings, and for their answer. */
const PING = 25_000;
const PONG = 10_000;
/** ms between changes of what is watched. */
const GATHER = 50;
/** Jobs of one message: well below 64 KiB. */
const CHUNK = 300;
/** Close codes behind which the same would only happen again. */
const FINAL: Readonly<Record<number, string>> = {
  1003: "invalid_request",
  1008: "rate_limited",
  1009: "body_too_large",
  4403: "forbidden",
};
const UNAUTHENTICATED = 4401;
const SLOW = 4408;

const unauthenticated = (retryable: boolean): MilepostError =>
  new MilepostError("unauthenticated", "The server does not know who you are. Sign in again.", {
    retryable,
  });

const errorOf = (thrown: unknown): MilepostError =>
  thrown instanceof MilepostError ? thrown : networkError(thrown);

/** Opens a WebSocket. */
export function openWebSocket(host: Host): Session {
  const { clock, http, log } = host;
  const sent = new Set<Topic>();
  const gone = new Set<Topic>();
  let socket: Socket | undefined;
  let over = false;
  let ready = false;
  let token: string | undefined;
  let drain: number | undefined;
  let pings = 0;
  let pinged: number | undefined;
  let stopGathering: (() => void) | undefined;
  let flushedAt = 0;
  let stopTimer = clock.after(OPENING, () => fail(timeoutError()));

  void http.token().then(connect, (error) => fail(errorOf(error)));

  function connect(credential: string | undefined) {
    if (over || !host.webSocket) return;
    token = credential;
    try {
      // In the handshake too: else a page's cookie, which is sent unasked, would count.
      const bearer = token && /^[\w.-]+$/.test(token) ? [`milepost.bearer.${token}`] : [];
      socket = new host.webSocket(host.wsUrl, ["milepost.v1", ...bearer]);
    } catch (error) {
      return fail(networkError(error));
    }
    socket.onopen = () => {
      if (token) say({ type: "auth", token });
      flush();
      ping();
    };
    socket.onmessage = ({ data }: { data: unknown }) => hear(data);
    // What it would say is nothing; `ws` throws where nobody listens.
    socket.onerror = () => log("socket failed");
    socket.onclose = ({ code, reason }: CloseEvent) => void ended(code, reason);
  }

  function say(message: ClientMessage) {
    if (socket?.readyState !== 1) return;
    log("socket says", message.type === "auth" ? { type: "auth" } : message);
    socket.send(JSON.stringify(message));
  }

  /** At once; but many changes in a row are few messages, for a server counts them. */
  function update() {
    if (over) return;
    // Noted now: a topic that is back by then begins anew.
    const wanted = new Set(host.topics());
    for (const topic of sent) if (!wanted.has(topic)) gone.add(topic);
    for (const topic of gone) sent.delete(topic);
    const ms = Math.max(GATHER - (clock.now() - flushedAt), 0);
    stopGathering ??= clock.after(ms, flush);
  }

  function flush() {
    stopGathering?.();
    stopGathering = undefined;
    flushedAt = clock.now();
    if (socket?.readyState !== 1) return;
    if (gone.size > 0) say({ type: "unsubscribe", ...fieldsOf([...gone]) });
    gone.clear();
    subscribe(host.topics().filter((topic) => !sent.has(topic)));
  }

  function subscribe(topics: readonly Topic[]) {
    for (const topic of topics) sent.add(topic);
    const jobs = namesOf(topics, "job");
    for (let from = 0; from < jobs.length; from += CHUNK) {
      const some = jobs.slice(from, from + CHUNK);
      const known = some.flatMap((job) => {
        const seq = host.seq(job);
        return seq === undefined ? [] : [[job, seq] as const];
      });
      say({ type: "subscribe", jobs: some, after: Object.fromEntries(known) });
    }
    // Each by itself: a refusal names no group, but repeats what came as `ref`.
    for (const topic of topics) {
      if (!topic.startsWith("job:")) say({ type: "subscribe", ...fieldsOf([topic]), ref: topic });
    }
  }

  function hear(data: unknown) {
    const message = messageOf(parse(data));
    if (over) return;
    if (!message) return log("socket: not understood", data);
    log("socket hears", message);
    switch (message.type) {
      case "snapshot":
      case "queue":
      case "removed":
        return host.receive(message);
      case "subscribed":
        if (!ready) {
          ready = true;
          host.opened();
        }
        return;
      case "pong":
        if (message.ref === pings && pinged !== undefined) {
          host.latency(clock.now() - pinged);
          pinged = undefined;
          schedulePing(PING);
        }
        return;
      case "draining":
        drain = message.retry_after_ms;
        return;
      case "error":
        return refused(message.code, message.message, message.job, message.ref);
    }
  }

  function refused(code: string, text: string, job: unknown, ref: unknown) {
    if (code === "unauthenticated") return void refresh();
    if (typeof job === "string") {
      host.receive(refusalOf(`job:${job}`, code, text));
      // Behind a restore of the server the job is asked for without a position.
      if (code === "conflict" && sent.has(`job:${job}`)) subscribe([`job:${job}`]);
    } else if (typeof ref === "string" && sent.has(ref as Topic)) {
      host.receive(refusalOf(ref as Topic, code, text));
    }
  }

  async function refresh() {
    const fresh = await renewed();
    if (over) return;
    if (fresh instanceof MilepostError) {
      // What is open stands until the server closes it: then it is asked again.
      if (!ready) fail(fresh);
    } else if (fresh && fresh !== token) {
      token = fresh;
      say({ type: "auth", token: fresh });
      // Subscriptions that were refused meanwhile.
      sent.clear();
      flush();
    } else if (!ready) {
      fail(unauthenticated(false));
    }
  }

  /** A provider that fails has not said that there is no credential. */
  const renewed = () => http.token().catch(errorOf);

  async function ended(code: number, reason: string) {
    if (over) return;
    log(`socket closed with ${code}`, reason);
    const final = FINAL[code];
    if (final)
      return fail(new MilepostError(final, reason || "The server refuses this connection."));
    if (code === SLOW) return fail(networkError(), 0);
    if (code !== UNAUTHENTICATED) return fail(networkError(), drain);
    const fresh = await renewed();
    if (fresh instanceof MilepostError) return fail(fresh);
    fail(unauthenticated(fresh !== undefined && fresh !== token), 0);
  }

  function ping() {
    pinged = clock.now();
    schedulePing(PONG, () => fail(timeoutError()));
    say({ type: "ping", ref: ++pings });
  }

  function schedulePing(ms: number, then: () => void = ping) {
    stopTimer();
    stopTimer = clock.after(ms, then);
  }

  function fail(error: MilepostError, after?: number) {
    if (over) return;
    close();
    host.failed(error, after);
  }

  function close() {
    over = true;
    stopTimer();
    stopGathering?.();
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    // A socket that is still opening would tell its page of an error.
    const last = socket;
    if (last.readyState === 0) last.onopen = () => last.close();
    else last.close(1000);
  }

  return { update, check: () => ready && pinged === undefined && ping(), close };
}

function fieldsOf(topics: readonly Topic[]) {
  const fields: { jobs?: string[]; batches?: string[]; documents?: string[]; mine?: boolean } = {};
  const [jobs, batches, documents] = [
    namesOf(topics, "job"),
    namesOf(topics, "batch"),
    namesOf(topics, "document"),
  ];
  if (jobs.length > 0) fields.jobs = jobs;
  if (batches.length > 0) fields.batches = batches;
  if (documents.length > 0) fields.documents = documents;
  if (topics.includes("mine")) fields.mine = true;
  return fields;
}
