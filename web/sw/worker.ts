/**
 * The service worker. Enters: the page's requests, push messages, the return of the connection.
 * Leaves: the app without a network, answers that were read before, waiting submissions sent,
 * notifications. Never keeps an answer to a shared link; never shows a page a stale answer while
 * the server can be reached.
 */
/// <reference lib="webworker" />
import { Milepost } from "@milepost/client";
import { ExpirationPlugin } from "workbox-expiration";
import {
  cleanupOutdatedCaches,
  createHandlerBoundToURL,
  type PrecacheEntry,
  precacheAndRoute,
} from "workbox-precaching";
import { NavigationRoute, registerRoute } from "workbox-routing";
import { NetworkFirst } from "workbox-strategies";
import { CACHES, fits, type Kept, kept } from "../src/offline/kept";
import { flushBox } from "../src/offline/outbox";
import { isOwnPath, notificationOf } from "./notification";

declare const self: ServiceWorkerGlobalScope & { __WB_MANIFEST: PrecacheEntry[] };

/** Background Sync, which TypeScript's library does not know. */
interface SyncEvent extends ExtendableEvent {
  readonly tag: string;
}

precacheAndRoute(self.__WB_MANIFEST);
cleanupOutdatedCaches();
registerRoute(
  new NavigationRoute(createHandlerBoundToURL("/app/index.html"), {
    allowlist: [/^\/(?:\?|$)/, /^\/app(?:\/|\?|$)/],
  }),
);

/** The network first; what was read before where there is none. */
function strategy(what: Kept): NetworkFirst {
  const { name, entries } = CACHES[what];
  return new NetworkFirst({
    cacheName: name,
    // Answers differ by what was accepted; the app asks for each in one form only.
    matchOptions: { ignoreVary: true },
    plugins: [
      {
        cacheWillUpdate: async ({ response }) =>
          response.ok && (await fits(response)) ? response : null,
      },
      new ExpirationPlugin({ maxEntries: entries, purgeOnQuotaError: true }),
    ],
  });
}

const strategies = { state: strategy("state"), content: strategy("content") };
for (const what of ["state", "content"] as const) {
  registerRoute(
    ({ url, request, sameOrigin }) => sameOrigin && kept(url, request.headers) === what,
    strategies[what],
  );
}

/** What the first page asked for before this worker was there. */
const FIRST = ["/v1/info", "/v1/session", "/v1/jobs?limit=200"];

self.addEventListener("activate", (event) => {
  event.waitUntil(self.clients.claim());
  for (const path of FIRST) {
    const request = new Request(new URL(path, self.location.origin));
    // Without a connection, or a session, there is nothing to keep.
    const answer = strategies.state.handle({ event, request }).catch(() => undefined);
    event.waitUntil(answer);
  }
});

self.addEventListener("message", (event) => {
  if (event.data?.type === "take-over") event.waitUntil(self.skipWaiting());
});

/** A client for one errand: a worker lives for seconds and watches nothing. */
async function withClient<T>(errand: (client: Milepost) => Promise<T>): Promise<T> {
  const client = new Milepost({ baseUrl: self.location.origin, shareTabs: false });
  try {
    return await errand(client);
  } finally {
    client.close();
  }
}

self.addEventListener("sync", (event) => {
  const sync = event as SyncEvent;
  if (sync.tag !== "milepost-outbox") return;
  sync.waitUntil(
    withClient(async (client) => {
      const end = await flushBox(client);
      // A rejection makes the browser try again later.
      if (end === "later") throw new Error("The connection is not back yet.");
    }),
  );
});

self.addEventListener("push", (event) => {
  event.waitUntil(
    (async () => {
      const windows = await self.clients.matchAll({ type: "window" });
      // Who looks at the app sees it there.
      if (windows.some((window) => window.visibilityState === "visible")) return;
      const { title, ...options } = notificationOf(event.data?.text(), self.navigator.language);
      await self.registration.showNotification(title, options);
    })(),
  );
});

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  const target: unknown = event.notification.data?.url;
  const url = isOwnPath(target) ? target : "/";
  event.waitUntil(
    (async () => {
      const [window] = await self.clients.matchAll({ type: "window" });
      if (!window) return self.clients.openWindow(url);
      await window.focus();
      return window.navigate(url);
    })(),
  );
});

self.addEventListener("pushsubscriptionchange", (event) => {
  const change = event as ExtendableEvent & { readonly oldSubscription?: PushSubscription | null };
  change.waitUntil(
    (async () => {
      const { oldSubscription } = change;
      if (!oldSubscription) return;
      const renewed = await self.registration.pushManager.subscribe(oldSubscription.options);
      const { endpoint, expirationTime = null, keys } = renewed.toJSON();
      if (!endpoint || !keys?.p256dh || !keys.auth) return;
      const { p256dh, auth } = keys;
      await withClient((client) =>
        client.push.subscribe({ endpoint, expirationTime, keys: { p256dh, auth } }),
      );
    })(),
  );
});
