// Calls: what is repeated, what is not, and what every failure is called.

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Milepost, type MilepostOptions } from "../src/index.js";
import { settle, type TestClock, testClock } from "./support/clock.js";

type Answer = () => Response | Promise<Response>;

let clock: TestClock;
let sent: { url: string; init: RequestInit }[];
let answers: Answer[];

beforeEach(() => {
  clock = testClock();
  sent = [];
  answers = [];
});

function client(options: MilepostOptions = {}) {
  return new Milepost({
    baseUrl: "http://server.test/below/",
    clock,
    async fetch(url, init = {}) {
      sent.push({ url: String(url), init });
      const answer = answers.length > 1 ? answers.shift() : answers[0];
      if (!answer) throw new Error("no answer");
      return answer();
    },
    ...options,
  });
}

const ok: Answer = () => Response.json({ id: "a" });
const broken: Answer = () => {
  throw new TypeError("fetch failed");
};
const problem =
  (status: number, code: string, headers: HeadersInit = {}): Answer =>
  () =>
    Response.json(
      { type: "about:blank", title: "", status, code, detail: `it is ${code}` },
      { status, headers },
    );
const header = (index: number, name: string) => new Headers(sent[index]?.init.headers).get(name);

describe("repeating", () => {
  it.each([
    ["a read", (m: Milepost) => m.job("a")],
    ["a cancel", (m: Milepost) => m.cancel("a")],
    ["a submission", (m: Milepost) => m.submit("# A")],
  ])("%s is sent again after a failure of the network", async (_, call) => {
    answers = [broken, problem(503, "unavailable"), ok];
    const result = call(client());
    await settle();
    await clock.advance(1_000);
    await expect(result).resolves.toEqual({ id: "a" });
    expect(sent).toHaveLength(3);
  });

  it("sends a submission again under the same key", async () => {
    answers = [broken, ok];
    const result = client().submit("# A");
    await settle();
    await clock.advance(1_000);
    await result;
    expect(header(0, "idempotency-key")).toMatch(/^[0-9a-f]{32}$/);
    expect(header(1, "idempotency-key")).toBe(header(0, "idempotency-key"));
  });

  it("gives up behind the third try", async () => {
    answers = [broken];
    const result = client().job("a");
    const refused = expect(result).rejects.toMatchObject({ code: "network", retryable: true });
    await clock.advance(10_000);
    await refused;
    expect(sent).toHaveLength(3);
  });

  it.each([
    ["a retry, which is another order each time", (m: Milepost) => m.retry("a"), broken],
    ["what was refused", (m: Milepost) => m.job("a"), problem(429, "rate_limited")],
  ])("does not repeat %s", async (_, call, answer) => {
    answers = [answer];
    await expect(call(client())).rejects.toBeDefined();
    expect(sent).toHaveLength(1);
  });
});

describe("failures", () => {
  it("are problem details", async () => {
    answers = [problem(429, "queue_full", { "retry-after": "7" })];
    await expect(client().job("a")).rejects.toMatchObject({
      name: "MilepostError",
      code: "queue_full",
      message: "it is queue_full",
      status: 429,
      retryable: true,
      retryAfter: 7,
    });
  });

  it("are named where a proxy answers", async () => {
    answers = [() => new Response("<html>", { status: 418 })];
    await expect(client().job("a")).rejects.toMatchObject({
      code: "invalid_response",
      status: 418,
    });
    answers = [() => new Response("<html>")];
    await expect(client().job("a")).rejects.toMatchObject({ code: "invalid_response" });
  });

  /** Never answers, and gives up when it is told to. */
  const silent = (url: unknown, init: RequestInit = {}) => {
    sent.push({ url: String(url), init });
    return new Promise<Response>((_, reject) => {
      init.signal?.addEventListener("abort", () => reject(new DOMException("", "AbortError")));
    });
  };

  it("tell a timeout from being given up", async () => {
    const slow = client({ fetch: silent, timeout: 5_000 });
    const late = expect(slow.retry("a")).rejects.toMatchObject({
      code: "timeout",
      retryable: true,
    });
    await clock.advance(5_000);
    await late;
    const abort = new AbortController();
    const given = expect(slow.job("a", { signal: abort.signal })).rejects.toMatchObject({
      code: "aborted",
      retryable: false,
    });
    await settle();
    abort.abort();
    await given;
    expect(clock.pending()).toBe(0);
  });

  it("hold no credential", async () => {
    answers = [problem(401, "unauthenticated")];
    const error = await client({ token: "mp_secret" })
      .job("a")
      .catch((thrown) => thrown);
    expect(JSON.stringify([error, error.message, error.stack])).not.toContain("mp_secret");
    expect(sent[0]?.url).toBe("http://server.test/below/v1/jobs/a");
  });
});

describe("credentials", () => {
  it("go in the header, and cookies only without one", async () => {
    answers = [ok];
    await client({ token: "mp_a" }).job("a");
    await client().job("a");
    expect(header(0, "authorization")).toBe("Bearer mp_a");
    expect(sent.map(({ init }) => init.credentials)).toEqual(["same-origin", "include"]);
  });

  it("are asked for once more when one was refused, and only once", async () => {
    let count = 0;
    const fresh = client({ getToken: () => `t${++count}` });
    answers = [problem(401, "unauthenticated"), ok];
    await expect(fresh.job("a")).resolves.toEqual({ id: "a" });
    expect([header(0, "authorization"), header(1, "authorization")]).toEqual([
      "Bearer t1",
      "Bearer t2",
    ]);
    answers = [problem(401, "unauthenticated")];
    await expect(fresh.job("a")).rejects.toMatchObject({
      code: "unauthenticated",
      retryable: false,
    });
    expect(sent).toHaveLength(4);
  });

  it("are not sent twice where they are the same", async () => {
    answers = [problem(401, "unauthenticated")];
    await expect(client({ getToken: async () => "same" }).job("a")).rejects.toBeDefined();
    expect(sent).toHaveLength(1);
  });
});

describe("addresses", () => {
  afterEach(() => vi.unstubAllGlobals());

  it("are below the page's origin by default", () => {
    vi.stubGlobal("location", { origin: "https://page.test" });
    expect(new Milepost().resultUrl("a b", "json")).toBe(
      "https://page.test/v1/jobs/a%20b/result?format=json",
    );
  });

  it("do without a page, so that servers can render", () => {
    expect(new Milepost().connection.getSnapshot().status).toBe("idle");
  });
});

it("does not wait for a credential for longer than for a call", async () => {
  answers = [ok];
  const never = client({ getToken: () => new Promise(() => undefined), timeout: 1_000 });
  const result = never.job("a").catch((error) => error.code);
  await settle();
  await clock.advance(1_000);
  expect(await result).toBe("timeout");
  expect(sent).toEqual([]);
});

it("refuses to submit nothing, without asking the server", async () => {
  await expect(client().submitAll([])).rejects.toMatchObject({
    name: "MilepostError",
    code: "invalid_request",
  });
  expect(sent).toEqual([]);
});

it("refuses what is no source and no target, without asking the server", async () => {
  const refused = expect.objectContaining({ name: "MilepostError", code: "invalid_request" });
  for (const nothing of [null, undefined, 7]) {
    await expect(client().submit(nothing as never)).rejects.toEqual(refused);
    await expect(client().submitAll(nothing as never)).rejects.toEqual(refused);
    await expect(client().submitAll([nothing as never])).rejects.toEqual(refused);
    let thrown: unknown;
    try {
      client().watch(nothing as never);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toEqual(refused);
  }
  expect(sent).toEqual([]);
});

it("tells of the job though a progress handler throws", async () => {
  const reported: unknown[] = [];
  vi.stubGlobal("reportError", (error: unknown) => reported.push(error));
  answers = [ok];
  const broken = new Error("of the page");
  const onUploadProgress = () => {
    throw broken;
  };
  await expect(client().submit("# Text", { onUploadProgress })).resolves.toEqual({ id: "a" });
  expect(reported).toEqual([broken]);
  vi.unstubAllGlobals();
});

it("says that a credential could not be had, not that the server is away", async () => {
  const cause = new Error("of the page");
  const getToken = () => {
    throw cause;
  };
  const result = client({ getToken }).job("a");
  await expect(result).rejects.toMatchObject({ code: "token", retryable: true, cause });
  expect(sent).toEqual([]);
});

it("names a gateway's refusal for what it is", async () => {
  answers = [() => new Response("<h1>nginx</h1>", { status: 504 })];
  const result = client().retry("a");
  await expect(result).rejects.toMatchObject({
    code: "unavailable",
    status: 504,
    retryable: true,
    message: "The server is not available (status 504). Try again in a moment.",
  });
});

it("takes the part that submits for out of reach where it cannot be loaded", async () => {
  vi.doMock("../src/upload.js", () => {
    throw new TypeError("Failed to fetch dynamically imported module");
  });
  await expect(client().submit("# A text")).rejects.toMatchObject({
    name: "MilepostError",
    code: "network",
    retryable: true,
  });
  vi.doUnmock("../src/upload.js");
});
