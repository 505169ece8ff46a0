// The examples that are pages of their own origin: each started with its one command.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fixture } from "./harness/documents.js";
import { expect, test as journey } from "./harness/journey.js";
import { freePort, ROOT } from "./harness/server.js";

interface Fixtures {
  port: number;
  start: (example: string) => Promise<string>;
}

const test = journey.extend<Fixtures>({
  // biome-ignore lint/correctness/noEmptyPattern: this is how Playwright is told of no fixture.
  port: async ({}, use) => use(await freePort()),
  settings: async ({ port }, use) => use({ ORIGINS: `http://127.0.0.1:${port}` }),
  start: async ({ port, server }, use) => {
    let child: ChildProcess | undefined;
    await use(async (example) => {
      child = spawn("npm", ["start"], {
        cwd: join(ROOT, "examples", example),
        env: {
          ...process.env,
          MILEPOST_URL: server.url,
          PORT: String(port),
          // The address is looked for in what it says.
          NO_COLOR: "1",
          FORCE_COLOR: undefined,
        },
        stdio: ["ignore", "pipe", "inherit"],
        // A group of its own: npm's children end with it.
        detached: true,
      });
      const { stdout } = child;
      if (stdout === null) throw new Error("The example has no output");
      const origin = `http://127.0.0.1:${port}`;
      for await (const line of createInterface(stdout)) if (line.includes(origin)) break;
      return origin;
    });
    if (child?.pid === undefined) return;
    const gone = once(child, "exit");
    process.kill(-child.pid, "SIGTERM");
    await gone;
  },
});

test("the plain page converts a document", async ({ page, start }) => {
  await page.goto(await start("plain"));
  await page.getByLabel("Document").setInputFiles(fixture("report.pdf"));
  await page.getByRole("button", { name: "Convert" }).click();
  await expect(page.getByText("Chapter 12: Lower End")).toBeVisible();
  await expect(page.getByRole("progressbar")).toHaveAttribute("value", "100");
});

test("the plain page says why a document fails", async ({ page, start }) => {
  await page.goto(await start("plain"));
  await page.getByLabel("Document").setInputFiles(fixture("encrypted.pdf"));
  await page.getByRole("button", { name: "Convert" }).click();
  await expect(page.getByRole("status")).toContainText("password");
});

test("the React app converts a document and shows it", async ({ page, start }) => {
  await page.goto(await start("vite-react"));
  await page
    .getByLabel("Choose files or drop them here")
    .last()
    .setInputFiles(fixture("report.pdf"));
  const table = page.getByRole("table");
  await expect(table.getByRole("row").filter({ hasText: "report.pdf" })).toContainText("Completed");
  await table.getByRole("button", { name: "report.pdf" }).first().click();
  await expect(page.getByText("Chapter 1: Alderbrook").first()).toBeVisible();
});
