// How a client is connected. Enters: options. Leaves: a connection of its own, or one
// that tabs share. Never: lets two users share what they see.
//
// It is loaded with the first watch: whoever only submits does without it.

import { backoffOf } from "../backoff.js";
import { catchUp } from "./catch-up.js";
import { Connection } from "./connection.js";
import type { Hub } from "./hub.js";
import type { LiveParts } from "./live.js";
import { fieldsOf } from "./messages.js";
import type { Link } from "./standing.js";
import { nameOf, Tabs } from "./tabs.js";

/** What a link is made with. */
export interface LinkParts extends LiveParts {
  readonly hub: Hub;
  /** How it stands has changed. */
  readonly onChange: () => void;
  readonly signal: AbortSignal;
}

/** Connects, or follows the tab that is connected. */
export async function openLink(parts: LinkParts): Promise<Link> {
  const name = await sharedName(parts);
  if (name === undefined) return connect(parts, parts.onChange);
  const { hub, log, onChange, http, signal } = parts;
  return new Tabs({
    name,
    hub,
    log,
    locks: navigator.locks,
    connect: (changed) => connect(parts, changed),
    onChange,
    catchUp() {
      if (!hub.topics().includes("mine")) return;
      void catchUp(http, hub, signal).catch((error) => log("catching up failed", error));
    },
  });
}

function connect(parts: LinkParts, onChange: () => void): Connection {
  const { http, hub, base, clock, log, options } = parts;
  const webSocket = options.webSocket ?? globalThis.WebSocket;
  const wanted = options.transports ?? ["websocket", "sse", "poll"];
  return new Connection({
    http,
    hub,
    clock,
    log,
    webSocket,
    wsUrl: options.wsUrl ? String(options.wsUrl) : `${base.replace(/^http/, "ws")}/v1/ws`,
    transports: wanted.filter((name) => name !== "websocket" || webSocket),
    backoff: backoffOf(options.backoff, () => clock.random()),
    onChange,
  });
}

/** The name under which tabs share; nothing where they do not. */
async function sharedName({ options, http, base }: LinkParts): Promise<string | undefined> {
  // Only pages: elsewhere a channel would keep a program from its end.
  const able =
    (options.shareTabs ?? true) &&
    globalThis.document &&
    typeof BroadcastChannel === "function" &&
    globalThis.navigator?.locks &&
    globalThis.crypto?.subtle;
  if (!able) return undefined;
  try {
    const token = await http.token();
    if (token) return await nameOf(base, token);
    const owner = fieldsOf(await http.json<unknown>("/v1/session"))?.owner;
    return typeof owner === "string" ? await nameOf(base, `owner ${owner}`) : undefined;
  } catch {
    // Who that is will be seen when it is connected.
    return undefined;
  }
}
