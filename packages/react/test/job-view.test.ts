import { describe, expect, test } from "vitest";
import { announcement, said } from "../src/announcement.js";
import { formatOf } from "../src/format.js";
import { detailTexts, jobName, stageText, unitText, uploadState } from "../src/job-view.js";
import { en, fr } from "../src/texts/index.js";
import { completed, failed, job, stage } from "./edge.js";

const english = formatOf("en");
const french = formatOf("fr");

describe("the counter", () => {
  test("tells the page that is worked on", () => {
    const running = stage("converting", "running", 3, 10);
    expect(unitText(running, en, english)).toBe("page 4 of 10");
    expect(unitText(running, fr, french)).toBe("page 4 sur 10");
  });

  test("does not count beyond the end", () => {
    expect(unitText(stage("converting", "running", 10, 10), en, english)).toBe("page 10 of 10");
  });

  test("writes bytes as sizes", () => {
    const fetching = { ...stage("fetching", "running", 500_000, 2_000_000), unit: "byte" };
    expect(unitText(fetching, en, english)).toBe("500 kB of 2 MB");
  });

  test("says how many there are so far where nobody knows of how many", () => {
    const cutting = { ...stage("chunking", "running", 0, 1), unit: "chunk", total: null };
    expect(unitText({ ...cutting, done: 1200 }, en, english)).toBe("1,200 so far");
    expect(unitText(cutting, en, english)).toBeUndefined();
  });

  test("keeps a unit that it does not know", () => {
    const rows = { ...stage("reading", "running", 0, 7), unit: "row" };
    expect(unitText(rows, en, english)).toBe("row 1 of 7");
  });

  test("is not there where nothing is counted", () => {
    expect(unitText(stage("detecting", "running"), en, english)).toBeUndefined();
    expect(unitText(undefined, en, english)).toBeUndefined();
  });
});

describe("the details", () => {
  test("of a running job", () => {
    expect(detailTexts(job(), en, english)).toEqual([
      "Converting",
      "page 4 of 10",
      "about 2 minutes left",
    ]);
  });

  test("of a waiting job on its second attempt", () => {
    const waiting = job({ status: "queued", queue: { position: 2, length: 3 }, attempt: 2 });
    expect(detailTexts(waiting, fr, french)).toEqual([
      "En attente",
      "Place 2 sur 3 dans la file d’attente",
      "tentative 2",
    ]);
  });

  test("have the name of one's own stage", () => {
    expect(stageText(job({ stage: "simmering" }), en)).toBe("simmering");
  });
});

test.each([
  ["queued", null, "received"],
  ["awaiting", null, "received"],
  ["running", "fetching", "extracting"],
  ["running", "converting", "extracting"],
  ["running", "splitting", "chunking"],
  ["running", "processing", "enriching"],
  ["running", "assembling", "indexing"],
  ["running", "indexing", "indexing"],
  ["completed", null, "completed"],
  ["failed", "converting", "failed"],
  ["cancelled", "converting", "cancelled"],
] as const)("a job that is %s in %s is %s", (status, at, state) => {
  expect(uploadState(job({ status, stage: at }))).toBe(state);
});

describe("a screen reader", () => {
  const say = (before: ReturnType<typeof job>, now: ReturnType<typeof job>, stalled = false) =>
    announcement(said(before, false), now, stalled, en, english);

  test("hears nothing of what was there when the page opened", () => {
    expect(announcement(undefined, job(), false, en, english)).toBeUndefined();
  });

  test("hears of stages, quarters and the end", () => {
    const at = (progress: number) => job({ progress });
    expect(say(job({ stage: "detecting" }), job())).toBe("report.pdf: Converting");
    expect(say(at(29), at(49))).toBeUndefined();
    expect(say(at(29), at(50))).toBe("report.pdf: 50%");
    expect(say(job(), job(completed()))).toBe("report.pdf is completed");
    expect(say(job(), job(failed(true)))).toBe("report.pdf failed");
    expect(say(job(), job({ status: "cancelled" }))).toBe("report.pdf was cancelled");
  });

  test("hears of silence once", () => {
    expect(say(job(), job(), true)).toBe("report.pdf: no sign of life");
    expect(announcement(said(job(), true), job(), true, en, english)).toBeUndefined();
  });
});

test("a job over several documents is called by how many there are", () => {
  const several = job({ document: null, documents: { total: 3, done: 1 } });
  expect(jobName(several, en)).toBe("3 documents");
  expect(jobName(job({ document: null }), en)).toMatch(/^Job /);
});
