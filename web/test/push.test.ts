/** What becomes of this browser's subscription when somebody signs in, or out. */
import type { Milepost } from "@milepost/client";
import { beforeEach, expect, test, vi } from "vitest";

const KEY = "BAKu_-8";
let events: string[] = [];
let subscribed: { key: string } | undefined;

function subscription(key: string) {
  const bytes = Uint8Array.from(
    atob(key.replaceAll("-", "+").replaceAll("_", "/")),
    (letter) => letter.codePointAt(0) ?? 0,
  );
  return {
    options: { applicationServerKey: bytes.buffer },
    toJSON: () => ({ endpoint: `https://push.example/${key}` }),
    unsubscribe: async () => {
      subscribed = undefined;
      events.push(`browser leaves ${key}`);
    },
  };
}

const pushManager = {
  getSubscription: async () => (subscribed ? subscription(subscribed.key) : null),
  subscribe: async ({ applicationServerKey }: { applicationServerKey: string }) => {
    subscribed = { key: applicationServerKey };
    return subscription(applicationServerKey);
  },
};

const client = {
  push: {
    subscribe: async ({ endpoint }: { endpoint: string }) =>
      void events.push(`server: ${endpoint}`),
  },
} as unknown as Milepost;

async function push(permission: NotificationPermission) {
  const registration = { pushManager };
  vi.stubGlobal("window", { PushManager: true, Notification: true });
  vi.stubGlobal("Notification", { permission, requestPermission: async () => permission });
  const serviceWorker = {
    getRegistration: async () => registration,
    ready: Promise.resolve(registration),
  };
  vi.stubGlobal("navigator", { serviceWorker });
  vi.resetModules();
  return import("../src/settings/push");
}

beforeEach(() => {
  vi.unstubAllGlobals();
  events = [];
  subscribed = undefined;
});

test("the server is told again of what the browser has", async () => {
  subscribed = { key: KEY };
  await (await push("granted")).renew(client, KEY);
  expect(events).toEqual([`server: https://push.example/${KEY}`]);
});

test("a server with another key is subscribed to anew", async () => {
  subscribed = { key: "BAKuold8" };
  await (await push("granted")).renew(client, KEY);
  expect(events).toEqual(["browser leaves BAKuold8", `server: https://push.example/${KEY}`]);
  expect(subscribed).toEqual({ key: KEY });
});

test("nobody is subscribed who did not ask for it", async () => {
  await (await push("granted")).renew(client, KEY);
  subscribed = { key: KEY };
  await (await push("denied")).renew(client, KEY);
  expect(events).toEqual([]);
});

test("who signs out leaves nothing for the next", async () => {
  subscribed = { key: KEY };
  await (await push("granted")).leave();
  expect(subscribed).toBeUndefined();
});
