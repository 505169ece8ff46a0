// Collections: made, filled, searched, read, emptied, deleted; by pointer and by keys, on large and
// on small screens.

import type { Page } from "@playwright/test";
import { connection, drop, progress } from "./harness/app.js";
import { violations } from "./harness/axe.js";
import { fixture, fixtureBytes, pdfOf } from "./harness/documents.js";
import { expect, test } from "./harness/journey.js";

const TEXTS = {
  "harbour.md": "# The harbour\n\nThe old vessel lies at anchor, and the sailors mend its nets.",
  "bakery.md": "# The bakery\n\nEvery loaf comes out of the oven before the sun is up.",
  "script.md": "# A page\n\nIt says `<script>document.title = 'taken'</script>` beside a lantern.",
};

/** A row of the collections, or of the documents in one. */
const row = (page: Page, name: string) =>
  page.getByRole("row").filter({ has: page.getByRole("link", { name, exact: true }) });
const question = (page: Page) => page.getByRole("searchbox");
const hits = (page: Page) => page.getByRole("list", { name: "Results" }).getByRole("listitem");

test("a collection is made, filled, searched, and a hit opens at its page", async ({
  page,
  server,
}) => {
  await page.goto("/app/collections");
  await expect(page.getByRole("heading", { name: "No collection yet" })).toBeVisible();
  await page.getByRole("button", { name: "New collection" }).click();
  await page.getByLabel("Name").fill("roads & rails");
  await page.getByRole("button", { name: "Create", exact: true }).click();
  await expect(page).toHaveURL("/app/collections/roads%20%26%20rails");
  await expect(page.getByRole("heading", { name: "Nothing in it yet" })).toBeVisible();
  await expect(connection(page)).toHaveText("Live");

  await server.freeze();
  await drop(page, page.locator("body"), [{ name: "road.pdf", bytes: pdfOf(40) }]);
  await expect(progress(page, "road.pdf")).toBeVisible();
  await expect(page.getByRole("list", { name: "Timeline" })).toContainText("Indexing, to come");
  // Dropped on a collection, it stays there.
  await expect(page).toHaveURL(/roads/);
  server.thaw();
  await expect(row(page, "road.pdf")).toContainText("40");
  await expect(progress(page, "road.pdf")).toHaveCount(0);
  await expect(page.getByText(/^1 document · \d+ passages/)).toBeVisible();

  await question(page).fill("page 23");
  await expect(hits(page).first()).toContainText("23");
  await expect(hits(page).first().locator("mark").first()).toBeVisible();
  // What is searched stands in the address, and comes back with it.
  await expect(page).toHaveURL(/q=page\+23/);
  await page.reload();
  await expect(question(page)).toHaveValue("page 23");
  const hit = hits(page).first();
  await expect(hit).toContainText(/pages? 2\d/);
  const [, first] = /pages? (\d+)/.exec((await hit.textContent()) ?? "") ?? [];
  await hit.getByRole("link", { name: "road.pdf" }).click();
  await expect(page).toHaveURL(new RegExp(`/app/jobs/.*page=${first}$`));
  await expect(page.getByRole("region", { name: `Page ${first}`, exact: true })).toBeInViewport();
  await page.goBack();
  await expect(question(page)).toHaveValue("page 23");
});

test("what fails is shown with its reason until it is dismissed, after a reload too", async ({
  page,
  api,
}) => {
  const failing = ["scanned.pdf", "encrypted.pdf", "empty.pdf", "truncated.docx"];
  const item = (name: string) =>
    page
      .getByRole("region", { name: "On their way in, or failed" })
      .getByRole("listitem")
      .filter({ has: page.getByRole("link", { name, exact: true }) });
  await page.goto("/app/collections");
  await page.getByRole("button", { name: "New collection" }).click();
  await page.getByLabel("Name").fill("mixed");
  await page.getByRole("button", { name: "Create", exact: true }).click();
  await expect(page.getByRole("heading", { name: "Nothing in it yet" })).toBeVisible();
  await page
    .locator("input[type=file]")
    .setInputFiles([...failing, "report.pdf", "notes.md"].map(fixture));
  const allFailed = async (): Promise<void> => {
    for (const name of failing) {
      await expect(item(name).locator(".mp-error")).toHaveText(/\S/);
      await expect(item(name).getByRole("button", { name: `Dismiss ${name}` })).toBeVisible();
    }
  };
  await allFailed();
  await expect(page.getByText(/^2 documents/)).toBeVisible();
  await page.reload();
  await allFailed();
  expect(await violations(page)).toEqual([]);

  await page.getByRole("button", { name: "Dismiss empty.pdf" }).click();
  await expect(item("empty.pdf")).toHaveCount(0);
  await page.reload();
  await expect(item("scanned.pdf")).toBeVisible();
  await expect(item("empty.pdf")).toHaveCount(0);
  // A retry that fails is another failure, to be dismissed again.
  const { items } = await api.jobs("?collection=mixed&status=failed");
  expect(items).toHaveLength(failing.length);
  await expect(item("encrypted.pdf")).not.toContainText("options.password");
  await page.getByRole("button", { name: "Convert encrypted.pdf again" }).click();
  const again = page.getByRole("dialog", { name: "Convert again" });
  await again.getByLabel("Password of the document").fill("milepost");
  await again.getByRole("button", { name: "Convert", exact: true }).click();
  await expect(page.getByText(/^3 documents/)).toBeVisible();
  await expect(item("encrypted.pdf")).toHaveCount(0);
  await page.getByRole("button", { name: "Retry scanned.pdf" }).click();
  await expect(item("scanned.pdf").locator(".mp-error")).toHaveText(/\S/);
  await page.getByRole("button", { name: "Dismiss all that failed" }).click();
  await expect(page.getByRole("region", { name: "On their way in, or failed" })).toHaveCount(0);
});

test("all collections are searched at once, and documents come and go", async ({ page, api }) => {
  await api.ingest("town", TEXTS);
  await api.ingest("letters", { "letter.md": "# A letter\n\nThe vessel came in late." });
  await page.goto("/app/search");
  await expect(question(page)).toBeFocused();
  await question(page).fill("vessel");
  await expect(hits(page)).toHaveCount(2);
  await expect(hits(page).filter({ hasText: "letters" })).toHaveCount(1);
  await page.getByLabel("Collection", { exact: true }).selectOption("town");
  await expect(hits(page)).toHaveCount(1);
  await expect(page).toHaveURL(/collection=town/);
  await page.goBack();
  await expect(hits(page)).toHaveCount(2);

  // What a document says is text, also where it looks like a script.
  await question(page).fill("lantern");
  await expect(hits(page).first()).toContainText("<script>document.title = 'taken'</script>");
  await expect(page).toHaveTitle(/Milepost/);
  await question(page).fill("zeppelin");
  await expect(page.getByText("Nothing was found for “zeppelin”.")).toBeVisible();

  await page.goto("/app/collections/town");
  await page.getByRole("button", { name: "Remove The bakery from the collection" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Remove", exact: true }).click();
  await expect(row(page, "The bakery")).toHaveCount(0);
  await expect(page.getByText(/^2 documents · 2 passages/)).toBeVisible();
  await question(page).fill("loaf");
  await expect(page.getByText("Nothing was found for “loaf”.")).toBeVisible();

  await page.goto("/app/collections");
  await expect(row(page, "town")).toContainText("2");
  await page.getByRole("button", { name: "Delete the collection town" }).click();
  const asked = page.getByRole("dialog", { name: "Delete “town”?" });
  await expect(asked).toContainText("2 documents in 2 passages");
  await asked.getByRole("button", { name: "Delete the collection" }).click();
  await expect(row(page, "town")).toHaveCount(0);
  await expect(row(page, "letters")).toBeVisible();
  await page.goto("/app/collections/town");
  await expect(page.getByRole("heading", { name: "There is no such collection" })).toBeVisible();
});

test("a collection is made anew while it can be searched", async ({ page, api, server }) => {
  await api.ingest("town", TEXTS);
  await page.goto("/app/collections/town");
  await page.getByRole("button", { name: "Make anew" }).click();
  const asked = page.getByRole("dialog", { name: "Make “town” anew?" });
  await expect(asked).toContainText("3 documents");
  await asked.getByLabel("Largest passage").fill("200");
  await server.freeze();
  await asked.getByRole("button", { name: "Make anew" }).click();
  await expect(asked).toBeHidden();
  await expect(progress(page, "3 documents")).toBeVisible();
  await question(page).fill("vessel");
  await expect(hits(page)).toHaveCount(1);
  await question(page).fill("");
  server.thaw();
  await expect(page.getByText(/up to 200 characters/)).toBeVisible();
  await expect(row(page, "The harbour")).toBeVisible();
  await question(page).fill("vessel");
  await expect(hits(page)).toHaveCount(1);
});

test("a new document is put into a collection from the list of documents", async ({ page }) => {
  await page.goto("/");
  await page.getByRole("region", { name: "Add documents" }).getByText("Options").click();
  const options = page.getByRole("region", { name: "Add documents" });
  await options.getByLabel("What to do").selectOption("Put into a collection");
  await options.getByLabel("Into the collection").fill("reports");
  const chooser = page.waitForEvent("filechooser");
  await page.getByRole("button", { name: "Choose files or drop them here" }).click();
  await (await chooser).setFiles(fixture("report.pdf"));
  await expect(row(page, "report.pdf")).toContainText("Completed");
  await row(page, "report.pdf").getByRole("link").click();
  await expect(page.getByRole("heading", { name: "Chapter 1: Alderbrook" })).toBeVisible();
  await page.getByRole("tab", { name: "Chunks" }).click();
  await expect(page.getByRole("tabpanel")).toContainText(/\d+ chunks/);
  await page.getByRole("link", { name: "reports", exact: true }).click();
  await expect(row(page, "Survey of the Northern Road")).toContainText("report.pdf");
});

test.describe("with an embedder", () => {
  test.use({ embedder: true });

  test("meaning finds what words do not, and words do while it is away", async ({
    page,
    api,
    embeddings,
  }) => {
    await api.ingest("town", TEXTS);
    await page.goto("/app/collections");
    await expect(row(page, "town")).toContainText("words and meaning (harbour)");
    await page.goto("/app/search?q=ships&collection=town&mode=vector");
    await expect(hits(page).first()).toContainText("The old vessel");
    await page.getByLabel("Search by").selectOption("Words and meaning");
    await expect(hits(page).first()).toContainText("found by its meaning (no. 1)");
    await page.getByLabel("Search by").selectOption("Words");
    await expect(page.getByText("Nothing was found for “ships”.")).toBeVisible();

    if (embeddings) embeddings.up = false;
    await page.goto("/app/search?q=vessel&collection=town");
    await expect(page.getByRole("alert")).toBeVisible();
    expect(await violations(page)).toEqual([]);
    await page.getByRole("button", { name: "Search by words only" }).click();
    await expect(hits(page).first()).toContainText("The old vessel");
    await expect(page).toHaveURL(/mode=keyword/);
    if (embeddings) embeddings.up = true;
    await page.getByLabel("Search by").selectOption("Best way");
    await expect(hits(page).first()).toContainText("its meaning");
  });
});

test("everything by keys", async ({ page, api }) => {
  await api.ingest("town", { ...TEXTS, "dock.md": "# The dock\n\nA second vessel is built here." });
  await page.goto("/");
  await expect(connection(page)).toHaveText("Live");
  await page.keyboard.press("g");
  await page.keyboard.press("f");
  await expect(question(page)).toBeFocused();
  await page.keyboard.type("vessel");
  await page.keyboard.press("Enter");
  await expect(hits(page)).toHaveCount(2);
  await page.keyboard.press("ArrowDown");
  await expect(hits(page).nth(0).getByRole("link")).toBeFocused();
  await page.keyboard.press("ArrowDown");
  await expect(hits(page).nth(1).getByRole("link")).toBeFocused();
  await page.keyboard.press("ArrowUp");
  await page.keyboard.press("ArrowUp");
  await expect(question(page)).toBeFocused();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/\/app\/jobs\//);
  await expect(page.getByRole("main")).toContainText("vessel");

  await page.keyboard.press("g");
  await page.keyboard.press("c");
  await expect(row(page, "town")).toBeVisible();
  await page.keyboard.press("j");
  await page.keyboard.press("Enter");
  await expect(row(page, "The harbour")).toBeVisible();
  await page.keyboard.press("/");
  await expect(question(page)).toBeFocused();
});

for (const [name, width] of [
  ["a desk", 1440],
  ["a tablet", 820],
  ["a phone", 390],
] as const) {
  test.describe(`on ${name}`, () => {
    test.use({ viewport: { width, height: 844 } });

    test("nothing keeps people out, and nothing is wider than the screen", async ({
      page,
      api,
    }) => {
      const long = "A name that is as long as a sentence, and goes on after that";
      await api.ingest(long, TEXTS);
      const { id } = await api.file(await fixtureBytes("report.pdf"), "report.pdf", {
        pipeline: "ingest",
        collection: "reports",
      });
      await api.ended(id);
      const narrow = async (): Promise<void> => {
        expect(await violations(page)).toEqual([]);
        const over = await page.evaluate(
          () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
        );
        expect(over).toBe(0);
      };
      for (const colorScheme of ["light", "dark"] as const) {
        await page.emulateMedia({ colorScheme });
        await page.goto("/app/collections");
        await expect(row(page, "reports")).toBeVisible();
        await narrow();
        await page.getByRole("button", { name: "New collection" }).click();
        await narrow();
        await page.goto(`/app/collections/${encodeURIComponent(long)}`);
        await expect(row(page, "The harbour")).toBeVisible();
        await narrow();
        await page.goto("/app/search?q=the");
        await expect(hits(page).first()).toBeVisible();
        await narrow();
      }
    });
  });
}

test("without a connection, what was read of a collection can be read", async ({
  page,
  context,
  api,
}) => {
  await api.ingest("town", TEXTS);
  await page.goto("/");
  await page.evaluate(() => navigator.serviceWorker.ready);
  await page.reload();
  await page.goto("/app/collections");
  await row(page, "town").getByRole("link").click();
  await expect(row(page, "The harbour")).toBeVisible();
  await context.setOffline(true);
  await page.reload();
  await expect(row(page, "The harbour")).toBeVisible();
  await question(page).fill("vessel");
  await expect(page.getByRole("alert")).toContainText("The server cannot be reached");
  await context.setOffline(false);
  await page.getByRole("button", { name: "Try again" }).click();
  await expect(hits(page)).toHaveCount(1);
});
