// Two hundred jobs through five tabs for minutes on end: what the tabs hold must level
// off. Enters: SOAK_MINUTES. Leaves: a table. Never: a verdict on speed.

import type { BrowserContext, CDPSession, Page } from "@playwright/test";
import type { Api, JobView } from "../harness/api.js";
import { connection } from "../harness/app.js";
import { expect, test } from "../harness/journey.js";
import { MINUTES } from "./playwright.config.js";
import { type Sample, Samples } from "./samples.js";

const JOBS = 200;
/** Reports of a job from its start to its end. */
const UNITS = 20;
/** ms between two looks at the tabs. */
const EVERY = 10_000;
/** Reports in a second: each is an update in every tab. */
const RATE = 20;

interface Tab {
  readonly name: string;
  readonly page: Page;
  readonly debug: CDPSession;
}

async function open(context: BrowserContext, name: string, path: string): Promise<Tab> {
  const page = await context.newPage();
  await page.goto(path);
  await expect(connection(page)).toHaveText("Live");
  const debug = await context.newCDPSession(page);
  await debug.send("Performance.enable");
  return { name, page, debug };
}

/** What a tab holds once all that nobody needs is gone. */
async function sample({ debug }: Tab): Promise<Sample> {
  await debug.send("HeapProfiler.collectGarbage");
  const { metrics } = await debug.send("Performance.getMetrics");
  const figure = (name: string) => metrics.find((metric) => metric.name === name)?.value ?? 0;
  return {
    heap: figure("JSHeapUsedSize"),
    nodes: figure("Nodes"),
    listeners: figure("JSEventListeners"),
    documents: figure("Documents"),
  };
}

/** Drives the jobs round and round until `over`: reports, an end, a retry. */
async function drive(api: Api, jobs: readonly JobView[], over: () => boolean): Promise<number> {
  let reports = 0;
  for (let turn = 0; !over(); turn += 1) {
    const id = jobs[turn % JOBS]?.id ?? "";
    const done = Math.floor(turn / JOBS) % (UNITS + 1);
    const due = new Promise((resolve) => setTimeout(resolve, 1000 / RATE));
    if (done < UNITS) {
      await api.report(id, { stage: "reading", done: done + 1, total: UNITS, unit: "page" });
    } else {
      if (turn % 2 === 0) await api.complete(id, "All is read.");
      else await api.fail(id, { code: "worker_failed", message: "Given up.", retryable: true });
      await api.call("POST", `/v1/jobs/${id}/retry`);
    }
    reports += 1;
    await due;
  }
  return reports;
}

test(`${JOBS} jobs through five tabs, ${MINUTES} minutes`, async ({ context, api }) => {
  const sent = Array.from({ length: JOBS }, (_, index) => ({
    pipeline: "external",
    source: { text: "Done outside.", filename: `stone-${index + 1}.txt` },
    stages: [{ name: "reading" }],
  }));
  const { jobs } = await api.call<{ jobs: JobView[] }>("POST", "/v1/jobs", sent);
  const wanderer = await open(context, "to and fro", "/");
  const tabs = [
    wanderer,
    await open(context, "documents", "/"),
    await open(context, "documents, filtered", "/?status=underway"),
    await open(context, "a job", `/app/jobs/${jobs.at(-1)?.id}`),
    await open(context, "the monitor", "/app/monitor"),
  ];
  const samples = new Samples();
  const end = Date.now() + MINUTES * 60_000;
  const driven = drive(api, jobs, () => Date.now() > end);
  while (Date.now() < end) {
    const due = new Promise((resolve) => setTimeout(resolve, EVERY));
    // Screens come and go: what they open has to be closed with them. It ends where it began.
    for (const key of ["m", "s", "d"]) {
      await wanderer.page.keyboard.press("g");
      await wanderer.page.keyboard.press(key);
      await expect(wanderer.page.getByRole("heading", { level: 1 })).toBeVisible();
    }
    await expect(wanderer.page.getByRole("row").nth(1)).toBeVisible();
    for (const tab of tabs) samples.add(tab.name, await sample(tab));
    await due;
  }
  const reports = await driven;
  for (const { page } of tabs) await expect(connection(page)).toHaveText("Live");
  expect(await api.connections()).toBe(1);

  const { table, growing } = samples.judge();
  process.stdout.write(
    `\n${reports} orders to ${JOBS} jobs. Median of each third:\n\n${table}\n\n`,
  );
  expect(growing).toEqual([]);
});
