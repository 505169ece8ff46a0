// Everything without a pointer: choosing files, opening, cancelling, retrying, dialogs.

import type { Page } from "@playwright/test";
import { connection, row } from "./harness/app.js";
import { fixture } from "./harness/documents.js";
import { expect, test } from "./harness/journey.js";

/** Presses Tab until what has the focus is named so. */
async function tabTo(page: Page, name: string): Promise<void> {
  await expect(async () => {
    await page.keyboard.press("Tab");
    const focused = page.locator(":focus");
    await expect(focused).toHaveAccessibleName(name, { timeout: 1 });
    await expect(focused).toBeInViewport({ timeout: 1 });
  }).toPass({ intervals: [0] });
}

test("documents are chosen, opened, cancelled and retried by keys", async ({ page, server }) => {
  await page.goto("/");
  await expect(connection(page)).toHaveText("Live");
  await page.keyboard.press("Tab");
  await expect(page.locator(":focus")).toHaveText("Skip to the content");

  await server.freeze();
  await tabTo(page, "Choose files or drop them here");
  const chooser = page.waitForEvent("filechooser");
  await page.keyboard.press("Enter");
  await (await chooser).setFiles(fixture("report.pdf"));
  await expect(row(page, "report.pdf")).toBeVisible();

  await tabTo(page, "Cancel report.pdf");
  await page.keyboard.press("Enter");
  await expect(row(page, "report.pdf")).toContainText("Cancelled");
  server.thaw();
  await tabTo(page, "Retry report.pdf");
  await page.keyboard.press("Enter");
  await expect(row(page, "report.pdf")).toContainText("Completed");

  await page.keyboard.press("j");
  await expect(page.locator(":focus")).toHaveText("report.pdf");
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/\/app\/jobs\//);
  await expect(page.getByRole("heading", { name: "Chapter 1: Alderbrook" })).toBeVisible();
  // Whoever cannot see the screen is told that it is another one.
  await expect(page.getByRole("main")).toBeFocused();
});

test("dialogs open, hold the focus and give it back", async ({ page, api }) => {
  await api.text("# A note", "note.md");
  await page.goto("/");
  await expect(row(page, "note.md")).toContainText("Completed");

  await page.keyboard.press("?");
  const shortcuts = page.getByRole("dialog", { name: "Keyboard shortcuts" });
  await expect(shortcuts).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(shortcuts).toBeHidden();

  await tabTo(page, "Select note.md");
  await page.keyboard.press("Space");
  await tabTo(page, "Delete");
  await page.keyboard.press("Enter");
  const asked = page.getByRole("dialog", { name: "Delete this job?" });
  await expect(asked).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(asked).toBeHidden();
  await expect(page.locator(":focus")).toHaveAccessibleName("Delete");

  await page.keyboard.press("Enter");
  await expect(asked).toBeVisible();
  for (let press = 0; press < 8; press += 1) {
    await page.keyboard.press("Tab");
    const inside = await asked.evaluate((dialog) => dialog.contains(document.activeElement));
    const outside = await page.evaluate(() => document.activeElement === document.body);
    expect(inside || outside).toBe(true);
  }
  await asked.getByRole("button", { name: "Delete" }).press("Enter");
  await expect(row(page, "note.md")).toHaveCount(0);
});
