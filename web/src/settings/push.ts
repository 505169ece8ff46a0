/**
 * This browser's subscription to notifications. Enters: the server's public key. Leaves: what the
 * browser says of it, and a subscription that the server knows too, or neither. Never lets one
 * person's choice stand for the next who signs in.
 */
import type { Milepost } from "@milepost/client";
import { hasWorkers } from "../offline/worker-client";

export type PushState = "unsupported" | "denied" | "off" | "on";

const supported = hasWorkers && "PushManager" in window && "Notification" in window;

async function current(): Promise<PushSubscription | null> {
  const registration = await navigator.serviceWorker.getRegistration("/");
  return (await registration?.pushManager.getSubscription()) ?? null;
}

/** How it stands. */
export async function pushState(): Promise<PushState> {
  if (!supported || !(await navigator.serviceWorker.getRegistration("/"))) return "unsupported";
  if (Notification.permission === "denied") return "denied";
  return (await current()) ? "on" : "off";
}

/** Asks the person, then subscribes at the browser's service and at the server. */
export async function subscribe(client: Milepost, publicKey: string): Promise<PushState> {
  if ((await Notification.requestPermission()) !== "granted") return pushState();
  const registration = await navigator.serviceWorker.ready;
  const subscription = await registration.pushManager.subscribe({
    userVisibleOnly: true,
    applicationServerKey: publicKey,
  });
  try {
    await client.push.subscribe(subscription.toJSON());
  } catch (error) {
    // One that the server does not know would never be sent anything.
    await subscription.unsubscribe();
    throw error;
  }
  return "on";
}

/** Takes the subscription back, at the browser's service and at the server. */
export async function unsubscribe(client: Milepost): Promise<PushState> {
  const subscription = await current();
  if (!subscription) return "off";
  // The same endpoint again is answered with its id, by which it is taken off.
  const { id } = await client.push.subscribe(subscription.toJSON());
  await client.push.remove(id);
  await subscription.unsubscribe();
  return "off";
}

/**
 * Tells the server once more of the subscription that this browser has: there it ended with the
 * session in which it was made.
 */
export async function renew(client: Milepost, publicKey: string): Promise<void> {
  if (!supported || Notification.permission !== "granted") return;
  const subscription = await current();
  if (!subscription) return;
  if (base64url(subscription.options.applicationServerKey) === publicKey) {
    await client.push.subscribe(subscription.toJSON());
  } else {
    // The server has another key than it had: it cannot send to this one.
    await subscription.unsubscribe();
    await subscribe(client, publicKey);
  }
}

/** Ends the subscription in this browser. The server's has ended with the session. */
export async function leave(): Promise<void> {
  if (supported) await (await current())?.unsubscribe();
}

function base64url(key: ArrayBuffer | null): string {
  const text = String.fromCharCode(...new Uint8Array(key ?? new ArrayBuffer(0)));
  return btoa(text).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
