// Documents on their way: dropped, converted page by page, failed, retried, cancelled;
// the page reloaded and the server killed in the middle.

import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { connection, drop, openJob, progress, row } from "./harness/app.js";
import { fixtureBytes, pdfOf } from "./harness/documents.js";
import { expect, test } from "./harness/journey.js";
import { until } from "./harness/until.js";

test("three files are dropped, and their pages arrive", async ({ page, server, api }) => {
  await page.goto("/");
  await expect(connection(page)).toHaveText("Live");
  await server.freeze();
  await drop(page, page.locator("body"), [
    { name: "report.pdf", bytes: await fixtureBytes("report.pdf") },
    { name: "letter.docx", bytes: await fixtureBytes("letter.docx") },
    { name: "road.pdf", bytes: pdfOf(40) },
  ]);
  for (const name of ["report.pdf", "letter.docx", "road.pdf"]) {
    await expect(progress(page, name)).toBeVisible();
  }

  server.thaw();
  for (const name of ["report.pdf", "letter.docx", "road.pdf"]) {
    await expect(row(page, name)).toContainText("Completed");
    await expect(progress(page, name)).toHaveCount(0);
  }
  const { items } = await api.jobs();
  expect(items.map(({ status }) => status)).toEqual(["completed", "completed", "completed"]);

  await row(page, "report.pdf").getByRole("link", { name: "report.pdf" }).click();
  await expect(page).toHaveURL(/\/app\/jobs\//);
  await expect(page.getByRole("heading", { name: "Chapter 1: Alderbrook" })).toBeVisible();
});

test("pages can be read while the others are under way", async ({ page, server, api }) => {
  const { id } = await api.file(pdfOf(600), "road.pdf");
  await openJob(page, id);
  await until("a page is there", async () => {
    const pages = await api.call<{ items: unknown[] }>("GET", `/v1/jobs/${id}/pages?limit=1`);
    return pages.items.length > 0;
  });
  await server.freeze();
  expect((await api.job(id)).status).toBe("running");
  await expect(page.getByText("Page 1, line 1: the road goes on and on.")).toBeVisible();
  await expect(progress(page, "road.pdf")).toBeVisible();
});

test("a failed job says why, and is retried", async ({ page, api }) => {
  const { id } = await api.external("survey.txt");
  await api.report(id, { stage: "reading", done: 1, total: 4, unit: "page" });
  await page.goto("/");
  await expect(progress(page, "survey.txt")).toBeVisible();

  await api.fail(id, { code: "worker_failed", message: "The lamp went out.", retryable: true });
  await expect(row(page, "survey.txt")).toContainText("Failed");
  await expect(row(page, "survey.txt")).toContainText("The lamp went out.");
  await page.getByRole("button", { name: "Retry survey.txt" }).click();

  await expect(progress(page, "survey.txt")).toBeVisible();
  await api.report(id, { stage: "writing" });
  await api.complete(id, "All is written.");
  await expect(row(page, "survey.txt")).toContainText("Completed");
});

test("a document that cannot be read fails with what to do", async ({ page, api }) => {
  const { id } = await api.file(await fixtureBytes("encrypted.pdf"), "encrypted.pdf");
  await openJob(page, id);
  await expect(page.getByRole("main")).toContainText(/enter its password/);
  await expect(page.getByRole("main")).not.toContainText("options.password");
  await expect(page.getByRole("main")).toContainText("Failed");
});

test("a job is cancelled in the middle of a page", async ({ page, server, api }) => {
  await server.freeze();
  await api.file(pdfOf(40), "road.pdf");
  await page.goto("/");
  await page.getByRole("button", { name: "Cancel road.pdf" }).click();
  await expect(row(page, "road.pdf")).toContainText("Cancelled");
  const [job] = (await api.jobs()).items;
  expect(job?.status).toBe("cancelled");
});

test("the page is reloaded in mid-job", async ({ page, api }) => {
  const { id } = await api.external("survey.txt");
  await api.report(id, { stage: "reading", done: 1, total: 4, unit: "page" });
  await page.goto("/");
  await expect(progress(page, "survey.txt")).toHaveAttribute("aria-valuenow", "12.5");

  await page.reload();
  await expect(progress(page, "survey.txt")).toHaveAttribute("aria-valuenow", "12.5");
  await api.report(id, { stage: "reading", done: 2, total: 4, unit: "page" });
  await expect(progress(page, "survey.txt")).toHaveAttribute("aria-valuenow", "25");
  await api.complete(id, "All is read.");
  await expect(row(page, "survey.txt")).toContainText("Completed");
});

test("the server is killed in mid-job, and the job finishes", async ({ page, server, api }) => {
  const { id } = await api.file(pdfOf(600), "road.pdf");
  await page.goto("/");
  await expect(progress(page, "road.pdf")).toBeVisible();
  await until("the job runs", async () => (await api.job(id)).status === "running");
  await server.freeze();

  await server.crash();
  await expect(connection(page)).toContainText("Retrying");
  await expect(progress(page, "road.pdf")).toBeVisible();

  await server.launch();
  await expect(connection(page)).toHaveText("Live", { timeout: 90_000 });
  await expect(row(page, "road.pdf")).toContainText("Completed", { timeout: 90_000 });
  expect((await api.job(id)).status).toBe("completed");
});

test.describe("where the server fetches by URL", () => {
  test.use({ settings: { FETCH_ENABLED: "true", FETCH_ALLOW: "127.0.0.1" } });

  test("a document is added by its address", async ({ page }) => {
    const bytes = await fixtureBytes("report.pdf");
    const elsewhere = createServer((_, answer) => answer.end(bytes)).listen(0, "127.0.0.1");
    await page.goto("/");
    await page.getByLabel("Or by its address").fill("not an address");
    await page.getByRole("button", { name: "Convert", exact: true }).click();
    await expect(page.getByRole("alert")).toContainText("Enter an address");
    const { port } = elsewhere.address() as AddressInfo;
    await page.getByLabel("Or by its address").fill(`http://127.0.0.1:${port}/report.pdf`);
    await page.getByRole("button", { name: "Convert", exact: true }).click();
    await expect(row(page, "report.pdf")).toContainText("Completed");
    elsewhere.close();
  });
});

test("an order to many is asked about, tells how far it is, and can be stopped", async ({
  page,
  api,
}) => {
  for (let job = 0; job < 25; job += 1) await api.external(`survey-${job}.txt`);
  await page.goto("/");
  await expect(row(page, "survey-24.txt")).toBeVisible();
  await page.getByLabel("Select all").check();
  const bar = page.getByRole("toolbar", { name: "25 selected" });
  await bar.getByRole("button", { name: "Cancel", exact: true }).click();
  const asked = page.getByRole("dialog", { name: "Cancel 25 jobs?" });
  await asked.getByRole("button", { name: "Go back" }).click();
  await expect(bar).toBeVisible();

  // Those that are on their way are held until the order was stopped.
  let letGo = (): void => undefined;
  const held = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  await page.route("**/v1/jobs/*/cancel", async (route) => {
    await held;
    await route.continue();
  });
  await bar.getByRole("button", { name: "Cancel", exact: true }).click();
  await asked.getByRole("button", { name: "Cancel", exact: true }).click();
  const order = page.getByRole("region", { name: "Cancelling:" });
  await expect(order).toContainText("0 of 25");
  await order.getByRole("button", { name: "Stop" }).click();
  letGo();
  await expect(order).toHaveCount(0);
  await expect
    .poll(async () => (await api.jobs()).items.filter((job) => job.status === "cancelled").length)
    .toBe(4);
});
