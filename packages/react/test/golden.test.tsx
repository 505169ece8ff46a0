// What people see of the messages that the server's own tests have written down.

import { readFileSync } from "node:fs";
import { cleanup, screen } from "@testing-library/react";
import { expect, test } from "vitest";
import { JobProgress } from "../src/index.js";
import { Edge } from "./edge.js";
import { after, open } from "./page.js";

const JOB = "01940000-0000-7000-8000-000000000001";

/** Plays a life through the real client, and writes down each thing that is shown. */
async function shown(life: string, locale: string): Promise<string[]> {
  const text = readFileSync(`../../fixtures/wire/${life}.json`, "utf8");
  const [, first, ...rest] = JSON.parse(text);
  const edge = new Edge();
  edge.jobs.set(JOB, first.job);
  open(<JobProgress jobId={JOB} />, { edge, locale });
  await screen.findByRole("progressbar");
  const now = () => screen.getByRole("progressbar").getAttribute("aria-valuetext") ?? "";
  const seen = [now()];
  for (const message of rest) {
    await after(() => edge.say(JOB, message));
    if (now() !== seen.at(-1)) seen.push(now());
  }
  cleanup();
  return seen.map((each) => each.replace(/[\u00a0\u202f]/g, " "));
}

test("a document of three pages", async () => {
  expect(await shown("pages", "en")).toEqual([
    "0%, Waiting, Place 1 of 1 in the queue",
    "0%, Detecting the format",
    "2%, Converting, page 1 of 3",
    "32%, Converting, page 2 of 3, about 1 second left",
    "62%, Converting, page 3 of 3, about 1 second left",
    "92%, Converting, page 3 of 3, about 1 second left",
    "92%, Assembling",
    "100%, Completed",
  ]);
});

test("a job that waits behind others, in French", async () => {
  expect(await shown("queued", "fr")).toEqual([
    "0 %, En attente, Place 3 sur 3 dans la file d’attente",
    "0 %, En attente, Place 2 sur 3 dans la file d’attente",
    "0 %, En attente, Place 1 sur 3 dans la file d’attente",
    "0 %, Détection du format",
    "2 %, Conversion",
    "92 %, Assemblage",
    "100 %, Terminé",
  ]);
});

test("a document that is fetched first", async () => {
  expect((await shown("fetched", "en")).slice(1, 4)).toEqual([
    "0%, Fetching",
    "3%, Fetching, 65.5 kB of 200 kB",
    "9%, Fetching, 200 kB of 200 kB",
  ]);
});

test("a job that is tried again, fails, and is retried", async () => {
  const seen = await shown("retried", "en");
  expect(seen).toContain("45%, Waiting, Place 1 of 1 in the queue, attempt 2");
  expect(seen).toContain("45%, Failed");
  expect(seen).toContain("47%, Converting, page 2 of 2, attempt 3");
  expect(seen.at(-1)).toBe("100%, Completed");
});

test("work outside the server, which stalls for a while", async () => {
  expect((await shown("external", "en")).slice(3, 7)).toEqual([
    "5%, Reading chunk 4 of 12, about 10 seconds left",
    "No sign of life for a while. It may still go on.",
    "20%, All is read., about 4 seconds left",
    "20%, Writing",
  ]);
});

test.each(["failed", "cancelled"])("a job that is %s at its end", async (life) => {
  expect((await shown(life, "en")).at(-1)?.toLowerCase()).toMatch(life);
});
