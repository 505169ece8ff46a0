// The app as a person sees it. Enters: a page. Leaves: its parts, by role and name, and
// a record of all that a progress bar said. Never: looks into the app's code.

import type { Locator, Page } from "@playwright/test";

/** How the page is connected, as its header says. */
export function connection(page: Page): Locator {
  return page.getByRole("banner").getByRole("status");
}

/** A document's row in the list. */
export function row(page: Page, name: string): Locator {
  return page.getByRole("row").filter({ has: page.getByRole("link", { name, exact: true }) });
}

/** A document's progress bar. */
export function progress(page: Page, name: string): Locator {
  return page.getByRole("progressbar", { name, exact: true });
}

/** Opens the page of a job, by its address. */
export async function openJob(page: Page, id: string): Promise<void> {
  await page.goto(`/app/jobs/${id}`);
}

/** A file that is dropped. */
export interface Dropped {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** Drops files onto `target`, as from a file manager. */
export async function drop(page: Page, target: Locator, files: readonly Dropped[]): Promise<void> {
  const sent = files.map(({ name, bytes }) => ({
    name,
    base64: Buffer.from(bytes).toString("base64"),
  }));
  const dataTransfer = await page.evaluateHandle((all) => {
    const transfer = new DataTransfer();
    for (const { name, base64 } of all) {
      const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
      transfer.items.add(new File([bytes], name));
    }
    return transfer;
  }, sent);
  for (const type of ["dragenter", "dragover", "drop"]) {
    await target.dispatchEvent(type, { dataTransfer });
  }
}

/**
 * Notes each value that the bars of `name` show from now on. The record stays in the
 * page and is gone with it.
 */
export async function record(page: Page, name: string): Promise<() => Promise<number[]>> {
  const noted = await page.evaluateHandle((label) => {
    const values: number[] = [];
    const note = (): void => {
      const bar = document.querySelector(`[role=progressbar][aria-label="${CSS.escape(label)}"]`);
      const value = Number(bar?.getAttribute("aria-valuenow") ?? Number.NaN);
      if (!Number.isNaN(value) && values.at(-1) !== value) values.push(value);
    };
    new MutationObserver(note).observe(document.body, {
      subtree: true,
      childList: true,
      attributes: true,
      attributeFilter: ["aria-valuenow"],
    });
    note();
    return values;
  }, name);
  return () => noted.jsonValue();
}
