// What the services of migrated pages share. Enters: where the server is. Leaves:
// calls, and addresses of sockets.

import { baseOf, Http } from "../http.js";
import { type Clock, systemClock } from "../platform.js";

/** Where a service is, and how it is reached. */
export interface ServiceOptions {
  /** The page's origin by default. */
  readonly baseUrl?: string | URL;
  /** For calls. Sockets are known by the session's cookie: browsers send them no header. */
  readonly token?: string;
  readonly getToken?: () => string | undefined | Promise<string | undefined>;
  /** ms of one call; 300,000 by default. */
  readonly timeout?: number;
  /** In the place of the platform's own. */
  readonly fetch?: typeof fetch;
  readonly webSocket?: typeof WebSocket;
  readonly clock?: Clock;
}

/** Calls to the server of a service. */
export function serviceOf(options: ServiceOptions) {
  const base = baseOf(options.baseUrl);
  const clock = options.clock ?? systemClock;
  const http = new Http({
    base,
    fetch: (input, init) => (options.fetch ?? fetch)(input, init),
    clock,
    timeout: options.timeout ?? 300_000,
    log: () => undefined,
    token: async () => (options.getToken ? options.getToken() : options.token),
  });
  return {
    http,
    clock,
    /** A socket; throws where the platform has none. */
    socket(path: string): WebSocket {
      const WebSocket = options.webSocket ?? globalThis.WebSocket;
      const opened = new WebSocket(base.replace(/^http/, "ws") + path);
      // Its end says more; `ws` throws where nobody listens.
      opened.onerror = () => undefined;
      return opened;
    },
  };
}

/** A message of a socket as an object; nothing where it is none. */
export function objectOf(data: unknown): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(String(data));
    return typeof value === "object" && value !== null
      ? (value as Readonly<Record<string, unknown>>)
      : undefined;
  } catch {
    return undefined;
  }
}
