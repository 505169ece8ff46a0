// Much of everything: five hundred pages, ten thousand jobs. What is drawn stays small.

import { openJob, row } from "./harness/app.js";
import { pdfOf } from "./harness/documents.js";
import { expect, test } from "./harness/journey.js";

/** Elements of which a screen may consist, whatever it shows. */
const ELEMENTS = 3000;

test("a document of 500 pages can be read at any of them", async ({ page, api }) => {
  const { id } = await api.file(pdfOf(500), "road.pdf");
  await openJob(page, id);
  await expect(page.getByRole("main")).toContainText("Completed", { timeout: 90_000 });
  await expect(page.getByText("Page 1, line 1: the road goes on and on.")).toBeVisible();
  expect(await page.locator("*").count()).toBeLessThan(ELEMENTS);

  await page.getByRole("button", { name: "Go to page 500" }).scrollIntoViewIfNeeded();
  await page.getByRole("button", { name: "Go to page 500" }).click();
  await expect(page.getByText("Page 500, line 1: the road goes on and on.")).toBeVisible();
  expect(await page.locator("*").count()).toBeLessThan(ELEMENTS);
});

test.describe(() => {
  test.use({ settings: { QUEUE_MAX_WAITING: "20000" } });

  test("ten thousand jobs are in the list", async ({ page, api }) => {
    // They are read in fifty steps.
    test.slow();
    for (let request = 0; request < 20; request += 1) {
      const some = Array.from({ length: 500 }, (_, index) => ({
        pipeline: "external",
        source: { text: "Done outside.", filename: `stone-${500 * request + index + 1}.txt` },
      }));
      await api.call("POST", "/v1/jobs", some);
    }
    await page.goto("/");
    await expect(row(page, "stone-10000.txt")).toBeVisible();
    expect(await page.locator("*").count()).toBeLessThan(ELEMENTS);

    // Down to the oldest: each time the list ends, more of it comes.
    const oldest = page.getByRole("link", { name: "stone-1.txt", exact: true });
    await expect(async () => {
      await page.keyboard.press("End");
      expect(await oldest.isVisible()).toBe(true);
    }).toPass({ intervals: [100], timeout: 240_000 });
    expect(await page.locator("*").count()).toBeLessThan(ELEMENTS);

    await page.keyboard.press("Home");
    await page.getByRole("searchbox").fill("stone-4711");
    await expect(row(page, "stone-4711.txt")).toBeVisible();
    await expect(page.getByRole("row")).toHaveCount(2);

    // A change in the midst of it shows.
    const [job] = (await api.jobs("?q=stone-4711")).items;
    await api.complete(job?.id ?? "", "Done.");
    await expect(row(page, "stone-4711.txt")).toContainText("Completed");
  });
});
