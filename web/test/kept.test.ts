/** Which answers are kept, and above all which are not. */
import { expect, test } from "vitest";
import { kept } from "../src/offline/kept";

const JOB = "/v1/jobs/01a1f912-8ee2-74f3-8222-44deba3c7757";
const asked = (path: string, headers: Record<string, string> = {}) =>
  kept(new URL(path, "https://milepost.example"), new Headers(headers));

test.each([
  ["/v1/info", "state"],
  ["/v1/session", "state"],
  ["/v1/jobs?limit=100", "state"],
  [JOB, "state"],
  [`${JOB}/result?format=json`, "content"],
  [`${JOB}/pages?limit=100`, "content"],
  [`${JOB}/pages/7`, "content"],
])("%s is kept with the %s", (path, cache) => {
  expect(asked(path)).toBe(cache);
});

test.each([
  "/v1/jobs?limit=100&cursor=x",
  `${JOB}?after=3&wait=30`,
  `${JOB}/share`,
  `${JOB}/events`,
  "/v1/keys",
  "/v1/stats",
  "/v1/stream?mine=true",
  "/v1/documents",
  "/v1/jobs/../keys",
])("%s is not kept", (path) => {
  expect(asked(path)).toBeUndefined();
});

test("what is read with a credential of its own is not kept: it is a shared link's", () => {
  expect(asked(JOB, { authorization: "Bearer x" })).toBeUndefined();
});

test("a stream is not kept", () => {
  expect(asked(JOB, { accept: "text/event-stream" })).toBeUndefined();
});
