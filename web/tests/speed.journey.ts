// How soon the app is there, cold and from its worker. Leaves: figures; what they are is
// for people to judge, and no verdict: the machine may be busy.

import type { Page } from "@playwright/test";
import { test } from "./harness/journey.js";

const ROUNDS = 5;

/** ms from the navigation's start to the first text or picture. */
async function firstPaint(page: Page): Promise<number> {
  return page.evaluate(
    () =>
      new Promise<number>((resolve) => {
        new PerformanceObserver((list) => {
          const paint = list.getEntriesByName("first-contentful-paint")[0];
          if (paint !== undefined) resolve(paint.startTime);
        }).observe({ type: "paint", buffered: true });
      }),
  );
}

const summary = (times: readonly number[]): string => {
  const sorted = [...times].sort((a, b) => a - b).map(Math.round);
  return `median ${sorted[Math.floor(sorted.length / 2)]} ms of ${sorted.join(", ")}`;
};

test("first contentful paint, as a figure", async ({ browser, server }, info) => {
  const cold: number[] = [];
  const again: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const context = await browser.newContext();
    const page = await context.newPage();
    await page.goto(server.url);
    cold.push(await firstPaint(page));
    await page.evaluate(() => navigator.serviceWorker.ready);
    await page.goto(server.url);
    again.push(await firstPaint(page));
    await context.close();
  }
  const said = `first contentful paint: cold ${summary(cold)}; from the worker ${summary(again)}`;
  info.annotations.push({ type: "figure", description: said });
  process.stdout.write(`${said}\n`);
});
