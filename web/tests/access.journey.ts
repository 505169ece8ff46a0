// Who may see what: sign-in by key, sign-out, owners, a session that ends, a shared
// result. Credentials stand in no address.

import type { Page } from "@playwright/test";
import { connection, drop, openJob, progress, row } from "./harness/app.js";
import { fixtureBytes } from "./harness/documents.js";
import { expect, test } from "./harness/journey.js";

test.use({ settings: { AUTH: "api-keys" } });

async function signIn(page: Page, key: string): Promise<void> {
  await page.getByLabel("Key or token").fill(key);
  await page.getByRole("button", { name: "Sign in" }).click();
}

test("signs in with a key, and out", async ({ page, context, server }) => {
  const key = server.key("ann");
  const asked: string[] = [];
  page.on("request", (request) => asked.push(request.url()));

  await page.goto("/");
  await expect(page).toHaveURL(/\/app\/login/);
  await signIn(page, `mp_${"0".repeat(64)}`);
  await expect(page.getByRole("alert")).toContainText("does not hold");

  await server.api(key).text("# Ann's notes", "notes.md");
  await signIn(page, key);
  await expect(row(page, "notes.md")).toContainText("Completed");
  await expect(connection(page)).toHaveText("Live");
  // The key is nowhere but in the cookie's session on the server.
  expect(asked.filter((url) => url.includes(key))).toEqual([]);
  expect(
    await page.evaluate(() => JSON.stringify({ ...localStorage, ...sessionStorage })),
  ).not.toContain(key);
  const cookies = await context.cookies();
  expect(cookies.map(({ httpOnly, sameSite }) => ({ httpOnly, sameSite }))).toEqual([
    { httpOnly: true, sameSite: "Strict" },
  ]);
  expect(JSON.stringify(cookies)).not.toContain(key);

  await page.getByRole("button", { name: "Sign out" }).click();
  await expect(page).toHaveURL(/\/app\/login/);
  await page.goto("/");
  await expect(page).toHaveURL(/\/app\/login/);
  await expect(page.getByText("notes.md")).toHaveCount(0);
});

test("another owner sees nothing of it", async ({ page, server }) => {
  const ann = server.api(server.key("ann"));
  const { id } = await ann.text("# Ann's notes", "notes.md");
  await page.goto("/app/login");
  await signIn(page, server.key("bob"));
  await expect(page.getByText("No documents yet")).toBeVisible();
  await openJob(page, id);
  await expect(page.getByText("There is no such job")).toBeVisible();
});

test("a key is revoked in mid-job: sign in again, and go on there", async ({ page, server }) => {
  const operator = server.api(server.key("operator", "admin"));
  const first = await operator.call<{ id: string; key: string }>("POST", "/v1/keys", {
    name: "ann-laptop",
    owner: "ann",
  });
  const second = await operator.call<{ key: string }>("POST", "/v1/keys", {
    name: "ann-phone",
    owner: "ann",
  });
  const ann = server.api(second.key);
  const { id } = await ann.external("survey.txt");
  await ann.report(id, { stage: "reading", done: 1, total: 4, unit: "page" });
  await page.goto(`/app/jobs/${id}`);
  await signIn(page, first.key);
  await expect(page).toHaveURL(new RegExp(`/app/jobs/${id}`));
  await expect(progress(page, "survey.txt")).toBeVisible();

  await operator.call("DELETE", `/v1/keys/${first.id}`);
  await expect(page).toHaveURL(/\/app\/login/, { timeout: 90_000 });
  await signIn(page, second.key);
  await expect(page).toHaveURL(new RegExp(`/app/jobs/${id}`));
  await expect(progress(page, "survey.txt")).toBeVisible();
});

test("a shared link shows that job alone, and its token is in no address", async ({
  page,
  browser,
  server,
}) => {
  const key = server.key("ann");
  const ann = server.api(key);
  const { id } = await ann.file(await fixtureBytes("report.pdf"), "report.pdf");
  await ann.text("# Not shared", "secret.md");
  await page.goto("/app/login");
  await signIn(page, key);
  await expect(row(page, "report.pdf")).toContainText("Completed");
  await openJob(page, id);
  await page.getByRole("button", { name: "Share" }).click();
  const dialog = page.getByRole("dialog", { name: "Share this result" });
  await dialog.getByRole("button", { name: "Make a link" }).click();
  const link = await dialog.getByLabel("Link", { exact: true }).inputValue();
  const token = new URL(link).hash.replace("#token=", "");
  expect(token).not.toBe("");
  expect(link.split("#")[0]).not.toContain(token);

  const clean = await browser.newContext();
  const visitor = await clean.newPage();
  // Whoever has an account of their own sees what is shared all the same.
  await visitor.goto(new URL("/app/login", link).href);
  await signIn(visitor, server.key("bob"));
  await expect(visitor.getByText("No documents yet")).toBeVisible();
  const asked: string[] = [];
  visitor.on("request", (request) => asked.push(request.url().split("#")[0] ?? ""));
  await visitor.goto(link);
  await expect(visitor.getByRole("heading", { name: "Chapter 1: Alderbrook" })).toBeVisible();
  await expect(visitor.getByText("Somebody shared this result with you.")).toBeVisible();
  await expect(visitor.getByRole("button", { name: "Share" })).toHaveCount(0);
  expect(asked.filter((url) => url.includes(token))).toEqual([]);
  expect(await visitor.evaluate(() => location.href)).not.toContain(token);

  await visitor.goto(new URL("/", link).href);
  await expect(visitor.getByText("No documents yet")).toBeVisible();

  await dialog.getByRole("button", { name: "Revoke all links" }).click();
  await expect(dialog).toContainText("No link to this job works any more.");
  const late = await clean.newPage();
  await late.goto(link);
  await expect(late.getByText("This link no longer works")).toBeVisible();
  await clean.close();
});

test("what one left waiting is not sent for the next, and no tab stays theirs", async ({
  page,
  context,
  server,
}) => {
  const operator = server.api(server.key("operator", "admin"));
  const wish = { name: "ann-laptop", owner: "ann" };
  const first = await operator.call<{ id: string; key: string }>("POST", "/v1/keys", wish);
  await page.goto("/app/login");
  await signIn(page, first.key);
  await expect(connection(page)).toHaveText("Live");
  await context.setOffline(true);
  await drop(page, page.locator("body"), [
    { name: "secret.md", bytes: new TextEncoder().encode("# Ann's") },
  ]);
  await expect(page.getByText("Waiting for the connection")).toBeVisible();
  await operator.call("DELETE", `/v1/keys/${first.id}`);
  await context.setOffline(false);
  await expect(page).toHaveURL(/\/app\/login/);

  // Who that is takes its time to be known.
  let asked = (): void => undefined;
  const known = new Promise<void>((resolve) => (asked = resolve));
  await context.route("**/v1/session", async (route) => {
    if (route.request().method() === "GET") await known;
    await route.continue();
  });
  const bob = server.key("bob");
  await signIn(page, bob);
  await expect(page.getByText("No documents yet")).toBeVisible();
  asked();
  await expect(connection(page)).toHaveText("Live");
  expect((await server.api(bob).jobs()).items).toHaveLength(0);

  const second = await context.newPage();
  await second.goto("/");
  await second.getByRole("button", { name: "Sign out" }).click();
  await expect(page).toHaveURL(/\/app\/login/);
});

test("a session that has ended leaves nothing to read without a connection", async ({
  page,
  context,
  server,
}) => {
  const operator = server.api(server.key("operator", "admin"));
  const { id, key } = await operator.call<{ id: string; key: string }>("POST", "/v1/keys", {
    name: "ann-laptop",
    owner: "ann",
  });
  await server.api(key).file(await fixtureBytes("report.pdf"), "report.pdf");
  await page.goto("/");
  await signIn(page, key);
  await expect(row(page, "report.pdf")).toBeVisible();
  await page.evaluate(() => navigator.serviceWorker.ready);
  await page.reload();
  await row(page, "report.pdf").getByRole("link").click();
  await expect(page.getByRole("heading", { name: "Chapter 1: Alderbrook" })).toBeVisible();
  const job = page.url();

  await operator.call("DELETE", `/v1/keys/${id}`);
  await page.reload();
  await expect(page).toHaveURL(/\/app\/login/);
  await context.setOffline(true);
  for (const address of ["/", job]) {
    await page.goto(address);
    await expect(page).toHaveURL(/\/app\/login/);
    await expect(page.getByText(/report\.pdf|Alderbrook/)).toHaveCount(0);
  }
  const kept = await page.evaluate(async () => {
    const names = (await caches.keys()).filter((name) => name.startsWith("milepost-"));
    const all = await Promise.all(names.map(async (name) => (await caches.open(name)).keys()));
    return all.flat().map(({ url }) => url);
  });
  expect(kept).toEqual([]);
});
