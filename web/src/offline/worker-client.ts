/**
 * The page's side of the service worker. Enters: the browser. Leaves: whether a new version waits,
 * and the orders to take it over or to forget what is kept. Never reloads a page by itself.
 */
import { CACHES } from "./kept";
import { box } from "./outbox";

/** Whether this browser has service workers here: they need https, or the machine itself. */
export const hasWorkers = "serviceWorker" in navigator;

let waiting: ServiceWorker | undefined;
const listeners = new Set<() => void>();

function found(worker: ServiceWorker): void {
  waiting = worker;
  for (const listener of listeners) listener();
}

/** Registers the worker and looks out for new versions. */
export async function startWorker(): Promise<void> {
  if (!hasWorkers) return;
  const registration = await navigator.serviceWorker.register("/sw.js", { scope: "/" });
  if (registration.waiting && navigator.serviceWorker.controller) found(registration.waiting);
  registration.addEventListener("updatefound", () => {
    const { installing } = registration;
    installing?.addEventListener("statechange", () => {
      // The first worker of all replaces nobody, and nothing has to be reloaded for it.
      if (installing.state === "installed" && navigator.serviceWorker.controller) found(installing);
    });
  });
}

export const newVersion = {
  subscribe(listener: () => void): () => void {
    listeners.add(listener);
    return () => listeners.delete(listener);
  },

  ready: (): boolean => waiting !== undefined,

  /** Takes the new version over and reloads the page. */
  takeOver(): void {
    navigator.serviceWorker.addEventListener("controllerchange", () => location.reload(), {
      once: true,
    });
    waiting?.postMessage({ type: "take-over" });
  },
};

/** Asks the browser to wake the worker when the connection is back, where it can do that. */
export async function sendLater(): Promise<void> {
  if (!hasWorkers) return;
  const registration = await navigator.serviceWorker.ready;
  if ("sync" in registration) {
    const { sync } = registration as { sync: { register(tag: string): Promise<void> } };
    // Refused by the person or the browser: then the next open tab sends.
    await sync.register("milepost-outbox").catch(() => undefined);
  }
}

/** Deletes the kept answers. */
export async function forgetCopies(): Promise<void> {
  if (!("caches" in globalThis)) return;
  await Promise.all(Object.values(CACHES).map(({ name }) => caches.delete(name)));
}

/** Deletes everything of an owner: kept answers and waiting submissions. */
export async function forgetOwner(): Promise<void> {
  await Promise.all([forgetCopies(), box.clear()]);
}
