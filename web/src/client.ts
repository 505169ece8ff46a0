/**
 * The app's one client. Enters: the preferences. Leaves: a client of the page's own server, a
 * signal at each answer that says "sign in", and the lines of its log. Never holds a credential:
 * the session is a cookie that scripts cannot read.
 */
import { Milepost } from "@milepost/client";
import { preferences } from "./preferences/preferences";

const LINES = 500;

let lines: readonly string[] = [];
const logListeners = new Set<() => void>();
const signedOutListeners = new Set<() => void>();

function log(line: string): void {
  if (!preferences.get().logConnection) return;
  lines = [...lines.slice(1 - LINES), `${new Date().toISOString().slice(11, 23)}  ${line}`];
  for (const listener of logListeners) listener();
}

/** The last lines of the client's log, while logging is on. */
export const connectionLog = {
  get: (): readonly string[] => lines,
  subscribe(listener: () => void): () => void {
    logListeners.add(listener);
    return () => logListeners.delete(listener);
  },
};

/** Calls `listener` whenever an answer, or the connection's end, tells that nobody is signed in. */
export function onSignedOut(listener: () => void): () => void {
  signedOutListeners.add(listener);
  const stop = client.connection.subscribe(() => {
    const { status, error } = client.connection.getSnapshot();
    if (status === "ended" && error?.code === "unauthenticated") listener();
  });
  return () => {
    stop();
    signedOutListeners.delete(listener);
  };
}

/** The sign-in itself is answered with 401 too, where a key does not hold. */
const isSignIn = (init: RequestInit | undefined, url: string): boolean =>
  init?.method === "POST" && url.endsWith("/v1/session");

export const client = new Milepost({
  baseUrl: location.origin,
  debug: log,
  fetch: async (input, init) => {
    const response = await fetch(input, init);
    if (response.status === 401 && !isSignIn(init, response.url)) {
      for (const listener of signedOutListeners) listener();
    }
    return response;
  },
});
