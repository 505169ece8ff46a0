// Every screen in both themes, wide and narrow: nothing that axe objects to, nothing that
// runs out of the page. Leaves pictures in `test-results/screens`, for people to look at.

import { join } from "node:path";
import type { Page } from "@playwright/test";
import { progress, row } from "./harness/app.js";
import { violations } from "./harness/axe.js";
import { fixtureBytes, pdfOf } from "./harness/documents.js";
import { expect, test } from "./harness/journey.js";
import { ROOT, type Server } from "./harness/server.js";

const PICTURES = join(ROOT, "test-results/screens");
const WIDTHS = [1440, 390] as const;
const THEMES = ["light", "dark"] as const;

/** Jobs in all states. Returns the ids of a completed, a failed and a running one. */
async function fill(server: Server): Promise<{ done: string; failed: string; running: string }> {
  const api = server.api();
  const done = await api.file(await fixtureBytes("report.pdf"), "report.pdf");
  await api.file(await fixtureBytes("workbook.xlsx"), "workbook.xlsx");
  const failed = await api.file(await fixtureBytes("encrypted.pdf"), "encrypted.pdf");
  const held = await api.text("Waits.", "held.txt", { hold: true });
  expect(held.status).toBe("awaiting");
  const running = await api.external("survey.txt");
  await api.report(running.id, {
    stage: "reading",
    done: 4,
    total: 10,
    unit: "page",
    agents: [
      { name: "reader", status: "running", progress: 40, message: "Reads the fourth page" },
      { name: "writer", status: "pending", progress: 0 },
    ],
  });
  return { done: done.id, failed: failed.id, running: running.id };
}

/** Looks at what is shown: at each width, in each theme. */
async function look(page: Page, name: string): Promise<void> {
  for (const colorScheme of THEMES) {
    for (const width of WIDTHS) {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width, height: width > 700 ? 900 : 844 });
      await page.screenshot({
        path: join(PICTURES, `${name}-${width}-${colorScheme}.png`),
        animations: "disabled",
      });
      expect.soft(await violations(page), `${name}, ${width}, ${colorScheme}`).toEqual([]);
      const over = await page.evaluate(
        () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
      );
      expect.soft(over, `${name} at ${width} runs out of the page`).toBeLessThanOrEqual(0);
    }
  }
}

test("documents, and none", async ({ page, server }) => {
  await page.goto("/");
  await expect(page.getByText("No documents yet")).toBeVisible();
  await look(page, "documents-none");

  await fill(server);
  await expect(progress(page, "survey.txt")).toBeVisible();
  await expect(row(page, "report.pdf")).toContainText("Completed");
  await expect(row(page, "encrypted.pdf")).toContainText("Failed");
  await look(page, "documents");

  await page.getByRole("checkbox", { name: "Select report.pdf" }).check();
  await look(page, "documents-selected");
  await page.keyboard.press("Escape");
  await page.keyboard.press("?");
  await expect(page.getByRole("dialog")).toBeVisible();
  await look(page, "shortcuts");
});

test("jobs: completed, failed, under way", async ({ page, server }) => {
  const { done, failed, running } = await fill(server);
  await page.goto(`/app/jobs/${done}`);
  await expect(page.getByRole("heading", { name: "Chapter 1: Alderbrook" })).toBeVisible();
  await look(page, "job-completed");
  await page.goto(`/app/jobs/${failed}`);
  await expect(page.getByRole("main")).toContainText(/password/i);
  await look(page, "job-failed");
  await page.goto(`/app/jobs/${running}`);
  await expect(progress(page, "survey.txt")).toBeVisible();
  await look(page, "job-running");
  await page.goto("/app/jobs/00000000-0000-7000-8000-000000000000");
  await expect(page.getByText("There is no such job")).toBeVisible();
  await look(page, "job-gone");

  await server.freeze();
  const long = await server.api().file(pdfOf(40), "road.pdf");
  await page.goto(`/app/jobs/${long.id}`);
  await expect(page.getByText("No page yet")).toBeVisible();
  await look(page, "job-waiting");
});

test("the monitor", async ({ page, server }) => {
  await fill(server);
  await page.goto("/app/monitor");
  await expect(page.getByRole("heading", { name: "Jobs by day" })).toBeVisible();
  await expect(progress(page, "survey.txt")).toBeVisible();
  await look(page, "monitor");
});

test("settings, and no such page", async ({ page }) => {
  await page.goto("/app/settings");
  await expect(page.getByRole("heading", { name: "Appearance" })).toBeVisible();
  await look(page, "settings");
  await page.goto("/app/nowhere");
  await expect(page.getByText("There is no such page")).toBeVisible();
  await look(page, "no-such-page");
});

test.describe("with authentication", () => {
  test.use({ settings: { AUTH: "api-keys" } });

  test("sign-in, keys", async ({ page, server }) => {
    await page.goto("/app/login");
    await expect(page.getByRole("button", { name: "Sign in" })).toBeVisible();
    await look(page, "login");
    await page.getByLabel("Key or token").fill(server.key("operator", "submit,read,cancel,admin"));
    await page.getByRole("button", { name: "Sign in" }).click();
    await expect(page.getByText("No documents yet")).toBeVisible();
    await page.goto("/app/settings");
    await expect(page.getByRole("heading", { name: "API keys" })).toBeVisible();
    await look(page, "settings-keys");
  });
});
