/** Which answers are kept, and above all which are not. */
import { expect, test } from "vitest";
import { fits, kept, LARGEST } from "../src/offline/kept";

const JOB = "/v1/jobs/01a1f912-8ee2-74f3-8222-44deba3c7757";
const asked = (path: string, headers: Record<string, string> = {}) =>
  kept(new URL(path, "https://milepost.example"), new Headers(headers));

test.each([
  ["/v1/info", "state"],
  ["/v1/session", "state"],
  ["/v1/jobs?limit=100", "state"],
  [JOB, "state"],
  ["/v1/collections?limit=100", "state"],
  ["/v1/collections/a%2Fb", "state"],
  ["/v1/collections/papers/documents?limit=100", "state"],
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
  "/v1/collections?cursor=x",
  "/v1/collections/papers/search",
  "/v1/search?q=lake",
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

/** An answer of so many bytes, in parts, as it comes without a length in its head. */
function streamed(bytes: number): Response {
  let left = bytes;
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (left === 0) return controller.close();
      const size = Math.min(left, 1_000_000);
      left -= size;
      controller.enqueue(new Uint8Array(size));
    },
  });
  return new Response(body);
}

test("an answer is measured where its head tells no length", async () => {
  expect(await fits(streamed(LARGEST))).toBe(true);
  expect(await fits(streamed(LARGEST + 1))).toBe(false);
  expect(await fits(new Response(null))).toBe(true);
});

test("what was packed on its way is measured as it is kept", async () => {
  const { body } = streamed(LARGEST + 1);
  expect(await fits(new Response(body, { headers: { "content-length": "900" } }))).toBe(false);
});

test("a measured answer can still be read whole", async () => {
  const answer = streamed(3_000_000);
  expect(await fits(answer)).toBe(true);
  expect((await answer.arrayBuffer()).byteLength).toBe(3_000_000);
});

test("a length that is too large is believed", async () => {
  const head = { "content-length": String(LARGEST + 1) };
  expect(await fits(new Response("x", { headers: head }))).toBe(false);
});
