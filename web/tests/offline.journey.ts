// Without a connection: the app opens, what was read can be read again, what is added
// waits and is sent on return.

import type { Page } from "@playwright/test";
import { connection, drop, row } from "./harness/app.js";
import { fixtureBytes } from "./harness/documents.js";
import { expect, test } from "./harness/journey.js";

/** Opens the app and waits until its worker has it. */
async function install(page: Page): Promise<void> {
  await page.goto("/");
  await page.evaluate(() => navigator.serviceWorker.ready);
  // From here on its requests go through the worker.
  await page.reload();
  await expect(connection(page)).toHaveText("Live");
}

test("a document is added offline and sent on return", async ({ page, context, api }) => {
  await install(page);
  await context.setOffline(true);
  await expect(connection(page)).toContainText("Offline");
  await drop(page, page.locator("body"), [
    { name: "report.pdf", bytes: await fixtureBytes("report.pdf") },
  ]);
  await expect(page.getByRole("listitem").filter({ hasText: "report.pdf" })).toContainText(
    "Waiting for the connection",
  );

  // It waits in the browser, not in the page.
  await page.reload();
  await expect(page.getByRole("listitem").filter({ hasText: "report.pdf" })).toContainText(
    "Waiting for the connection",
  );

  await context.setOffline(false);
  await expect(row(page, "report.pdf")).toContainText("Completed");
  expect((await api.jobs()).items).toHaveLength(1);
});

test("what waits can be taken back", async ({ page, context, api }) => {
  await install(page);
  await context.setOffline(true);
  await drop(page, page.locator("body"), [
    { name: "notes.md", bytes: await fixtureBytes("notes.md") },
  ]);
  await page.getByRole("button", { name: "Cancel notes.md" }).click();
  await expect(page.getByText("Waiting for the connection")).toHaveCount(0);
  await context.setOffline(false);
  await expect(connection(page)).toHaveText("Live");
  expect((await api.jobs()).items).toHaveLength(0);
});

test("a result that was read is there without a connection", async ({ page, context, api }) => {
  await install(page);
  await api.file(await fixtureBytes("report.pdf"), "report.pdf");
  await expect(row(page, "report.pdf")).toContainText("Completed");
  await row(page, "report.pdf").getByRole("link").click();
  const chapter = page.getByRole("heading", { name: "Chapter 1: Alderbrook" });
  await expect(chapter).toBeVisible();

  await context.setOffline(true);
  await page.reload();
  await expect(chapter).toBeVisible();
  await page.goto("/");
  await expect(row(page, "report.pdf")).toBeVisible();
});

test("what ended meanwhile is there on return", async ({ page, context, api }) => {
  await install(page);
  const { id } = await api.external("survey.txt");
  await api.report(id, { stage: "reading", done: 1, total: 4, unit: "page" });
  await expect(row(page, "survey.txt")).toBeVisible();
  await context.setOffline(true);
  await expect(connection(page)).toContainText("Offline");
  await api.complete(id, "All is read.");
  await context.setOffline(false);
  await expect(row(page, "survey.txt")).toContainText("Completed");
});
