// Looks for what keeps people out. Enters: a page as it stands. Leaves: each violation of
// WCAG 2.2 A and AA and of axe's best practices, in one line with its elements.

import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import type { Page } from "@playwright/test";
import type { AxeResults } from "axe-core";

const SOURCE = createRequire(import.meta.url).resolve("axe-core/axe.min.js");

/** The violations. Empty where there are none. */
export async function violations(page: Page): Promise<string[]> {
  // By way of the debugger: the app's policy would let no foreign script in.
  await page.evaluate(await readFile(SOURCE, "utf8"));
  const results = (await page.evaluate("axe.run()")) as AxeResults;
  return results.violations.map(({ id, help, nodes }) => {
    const where = nodes.map(({ target }) => target.join(" ")).join("; ");
    return `${id}: ${help}. ${where}`;
  });
}
