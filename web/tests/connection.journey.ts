// How updates come: by WebSocket, by an event stream where there is none, by polling
// where there is neither; one connection for all tabs.

import { connection, progress, record, row } from "./harness/app.js";
import { expect, test } from "./harness/journey.js";
import { until } from "./harness/until.js";

/** Units of the job's two stages; each is a report, and a value of its own. */
const UNITS = 10;
/** What the bar shows after each report. */
const VALUES = Array.from({ length: UNITS + 1 }, (_, done) => (50 * done) / UNITS);

test("WebSockets are blocked: event streams take over without a gap", async ({
  page,
  gateway,
  api,
}) => {
  // Looks for a better transport are rare once some have failed.
  test.slow();
  const { id } = await api.external("survey.txt");
  await page.goto(gateway.url);
  await expect(connection(page)).toHaveText("Live");
  await expect(progress(page, "survey.txt")).toBeVisible();
  expect(gateway.open).toEqual({ websockets: 1, streams: 0 });
  const shown = await record(page, "survey.txt");
  const step = async (done: number): Promise<void> => {
    await api.report(id, { stage: "reading", done, total: UNITS, unit: "page" });
    const value = String(VALUES[done]);
    await expect(progress(page, "survey.txt")).toHaveAttribute("aria-valuenow", value, {
      timeout: 90_000,
    });
  };

  for (let done = 1; done <= UNITS / 2; done += 1) await step(done);
  gateway.block({ websocket: true });
  await expect(connection(page)).toContainText("Retrying");
  // This one is reported while nobody is connected.
  for (let done = UNITS / 2 + 1; done <= UNITS; done += 1) await step(done);

  await expect(connection(page)).toHaveText("Live");
  expect(gateway.open).toEqual({ websockets: 0, streams: 1 });
  // Each state that was reported was shown, once, in order.
  expect(await shown()).toEqual(VALUES);

  // A better transport is tried again, and taken where it works.
  gateway.block({});
  const back = async () => gateway.open.websockets === 1;
  await until("the page is back at its WebSocket", back, 180_000);
  await until("the stream is closed", async () => gateway.open.streams === 0);
  await api.complete(id, "All is written.");
  await expect(row(page, "survey.txt")).toContainText("Completed");
});

test("both are blocked: the page polls", async ({ page, gateway, api }) => {
  gateway.block({ websocket: true, sse: true });
  const { id } = await api.external("survey.txt");
  await page.goto(gateway.url);
  await expect(connection(page)).toHaveText("Using fallback polling", { timeout: 110_000 });
  await api.report(id, { stage: "reading", done: 4, total: UNITS, unit: "page" });
  await expect(progress(page, "survey.txt")).toHaveAttribute("aria-valuenow", "20");
  await api.complete(id, "All is written.");
  await expect(row(page, "survey.txt")).toContainText("Completed");
});

test("two tabs have one connection, and the other goes on alone", async ({
  context,
  gateway,
  api,
}) => {
  const { id } = await api.external("survey.txt");
  const first = await context.newPage();
  await first.goto(gateway.url);
  await expect(connection(first)).toHaveText("Live");
  const second = await context.newPage();
  await second.goto(gateway.url);
  await expect(connection(second)).toHaveText("Live");
  await expect(progress(second, "survey.txt")).toBeVisible();
  expect(await api.connections()).toBe(1);

  await api.report(id, { stage: "reading", done: 2, total: UNITS, unit: "page" });
  for (const tab of [first, second]) {
    await expect(progress(tab, "survey.txt")).toHaveAttribute("aria-valuenow", "10");
  }

  await first.close();
  await api.report(id, { stage: "reading", done: 3, total: UNITS, unit: "page" });
  await expect(progress(second, "survey.txt")).toHaveAttribute("aria-valuenow", "15");
  await expect(connection(second)).toHaveText("Live");
  expect(await api.connections()).toBe(1);
  await api.complete(id, "All is written.");
  await expect(row(second, "survey.txt")).toContainText("Completed");
});
