// A push message becomes a notification, and a click on it leads to the job. The message
// is handed to the worker by the browser's debugger, decrypted as the browser would.
// What the server sends, and how it is encrypted, is held by the server's own tests.

import type { CDPSession, Page, Worker } from "@playwright/test";
import { fixtureBytes } from "./harness/documents.js";
import { expect, test } from "./harness/journey.js";
import { until } from "./harness/until.js";

/** Installs the app's worker and leaves the app. */
async function install(page: Page): Promise<Worker> {
  await page.context().grantPermissions(["notifications"]);
  await page.goto("/");
  await page.evaluate(() => navigator.serviceWorker.ready);
  const [worker] = page.context().serviceWorkers();
  return worker ?? page.context().waitForEvent("serviceworker");
}

/** The id of the worker's registration, as the debugger names it. */
async function registrationOf(debug: CDPSession, origin: string): Promise<string> {
  const found = new Promise<string>((resolve) => {
    debug.on("ServiceWorker.workerRegistrationUpdated", ({ registrations }) => {
      const ours = registrations.find(({ scopeURL }) => scopeURL === `${origin}/`);
      if (ours !== undefined) resolve(ours.registrationId);
    });
  });
  await debug.send("ServiceWorker.enable");
  return found;
}

/** What the worker's code is given, as far as the journeys use it. */
interface Scope {
  readonly ExtendableEvent: { prototype: Event & { waitUntil(work: Promise<unknown>): void } };
  handled: Promise<boolean>;
  readonly registration: {
    getNotifications(): Promise<{ title: string; body: string; data: { url: string } }[]>;
  };
}

const shown = (worker: Worker) =>
  worker.evaluate(async () => {
    const { registration } = globalThis as unknown as Scope;
    const notifications = await registration.getNotifications();
    return notifications.map(({ title, body, data }) => ({ title, body, url: data.url }));
  });

test("a job's end is notified while no tab is open; a click opens the job", async ({
  page,
  server,
  api,
}) => {
  const { id } = await api.file(await fixtureBytes("report.pdf"), "report.pdf");
  const worker = await install(page);
  await page.goto("about:blank");
  const debug = await page.context().newCDPSession(page);
  const registrationId = await registrationOf(debug, server.url);
  const url = `/app/jobs/${id}`;
  const job = { id, status: "completed", filename: "report.pdf", error_code: null };
  await debug.send("ServiceWorker.deliverPushMessage", {
    origin: server.url,
    registrationId,
    data: JSON.stringify({ type: "job", job, batch: null, url }),
  });
  await until("a notification is shown", async () => (await shown(worker)).length > 0);
  expect(await shown(worker)).toEqual([
    { title: "report.pdf", body: "The conversion is completed.", url },
  ]);

  // The click itself is the desktop's. What it hands to the worker is handed here, with
  // what it permits: without a real click a browser lets no worker focus a window.
  await page.goto("/");
  await worker.evaluate(async () => {
    const scope = globalThis as unknown as Scope & {
      WindowClient: { prototype: { focus(): Promise<unknown> } };
      NotificationEvent: new (type: string, init: object) => Event & { waitUntil: unknown };
      dispatchEvent(event: Event): boolean;
    };
    scope.WindowClient.prototype.focus = async function focus() {
      return this;
    };
    const [notification] = await scope.registration.getNotifications();
    const event = new scope.NotificationEvent("notificationclick", { notification });
    Object.defineProperty(event, "waitUntil", { value: () => undefined });
    scope.dispatchEvent(event);
  });
  await expect(page).toHaveURL(new RegExp(`${url}$`));
  expect(await shown(worker)).toEqual([]);
});

test("whoever looks at the app is not notified", async ({ page, server }) => {
  const worker = await install(page);
  await page.reload();
  const debug = await page.context().newCDPSession(page);
  const registrationId = await registrationOf(debug, server.url);
  // Notes when the worker is done with a message.
  await worker.evaluate(() => {
    const scope = globalThis as unknown as Scope;
    const { prototype } = scope.ExtendableEvent;
    const wait = prototype.waitUntil;
    scope.handled = new Promise((done) => {
      prototype.waitUntil = function waitUntil(work) {
        wait.call(this, work);
        if (this.type === "push") work.then(() => done(true));
      };
    });
  });
  await debug.send("ServiceWorker.deliverPushMessage", {
    origin: server.url,
    registrationId,
    data: JSON.stringify({ type: "job", job: { id: "1", status: "failed" }, url: "/" }),
  });
  expect(await worker.evaluate(() => (globalThis as unknown as Scope).handled)).toBe(true);
  expect(await shown(worker)).toEqual([]);
});
