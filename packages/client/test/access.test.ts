// The client and the real server, where it asks who one is.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import WebSocket from "ws";
import { Milepost, type TransportName } from "../src/index.js";
import { makeKey, type Server, startServer } from "./support/server.js";

const webSocket = WebSocket;

let server: Server;
let key: string;
let other: string;

beforeAll(async () => {
  server = await startServer({ MILEPOST_AUTH: "api-keys" });
  key = await makeKey(server, "ann");
  other = await makeKey(server, "bob");
});
afterAll(() => server.remove());

const client = (token: string | undefined, transport: TransportName) =>
  new Milepost({ baseUrl: server.url, webSocket, transports: [transport], token });

it("goes by its token, also in a page where somebody else is signed in", async () => {
  const ann = client(key, "websocket");
  const { id, access } = await ann.submit("# Shared");
  const signedIn = await fetch(`${server.url}/v1/session`, {
    method: "POST",
    body: JSON.stringify({ token: other }),
  });
  const cookie = signedIn.headers.get("set-cookie")?.split(";")[0];
  /** Sends the cookie unasked, as browsers do. */
  class PagesSocket extends WebSocket {
    constructor(url: string, protocols: string[]) {
      super(url, protocols, { headers: { cookie } });
    }
  }
  const guest = new Milepost({
    baseUrl: server.url,
    webSocket: PagesSocket as unknown as typeof globalThis.WebSocket,
    transports: ["websocket"],
    token: access?.token,
  });
  let last = "";
  for await (const job of guest.watch(id)) last = job.status;
  expect(last).toBe("completed");
  guest.close();
  ann.close();
});

describe.each<TransportName>(["websocket", "sse", "poll"])("over %s", (transport) => {
  it("watches with a key", async () => {
    const ann = client(key, transport);
    const { id } = await ann.submit("# Mine");
    let last = "";
    for await (const job of ann.watch(id)) last = job.status;
    expect(last).toBe("completed");
    ann.close();
  });

  it("watches one job with that job's token, and no other", async () => {
    const ann = client(key, transport);
    const [mine, hidden] = [await ann.submit("# Shared"), await ann.submit("# Hidden")];
    const guest = client(mine.access?.token, transport);
    const heard: string[] = [];
    await guest.watch([mine.id, hidden.id], {
      onComplete: (job) => heard.push(job.id),
      onError: (error) => heard.push(error.code),
    }).ended;
    expect(heard.sort()).toEqual([mine.id, "not_found"].sort());
    guest.close();
    ann.close();
  });

  it("does not see others' jobs", async () => {
    const ann = client(key, transport);
    const { id } = await ann.submit("# Mine");
    const bob = client(other, transport);
    const heard: string[] = [];
    await bob.watch(id, { onError: (error) => heard.push(error.code) }).ended;
    expect(heard).toEqual(["not_found"]);
    bob.close();
    ann.close();
  });

  it("ends, and says why, where a key does not hold", async () => {
    const nobody = client(`mp_${"0".repeat(64)}`, transport);
    const heard: string[] = [];
    const watch = nobody.watch({ mine: true }, { onError: (error) => heard.push(error.code) });
    await watch.ended;
    expect(heard).toEqual(["unauthenticated"]);
    expect(nobody.connection.getSnapshot()).toMatchObject({
      status: "ended",
      error: { retryable: false },
    });
    nobody.close();
  });

  it("takes another key where one is refused", async () => {
    const keys = [`mp_${"0".repeat(64)}`, key];
    let asked = 0;
    const ann = new Milepost({
      baseUrl: server.url,
      webSocket,
      transports: [transport],
      getToken: () => keys[Math.min(asked++, 1)],
    });
    const { id } = await client(key, transport).submit("# Mine");
    let last = "";
    for await (const job of ann.watch(id)) last = job.status;
    expect(last).toBe("completed");
    ann.close();
  });
});

it("signs in, and out", async () => {
  // A browser keeps the cookie; Node.js has none, so that it is kept here.
  let cookie = "";
  const page = new Milepost({
    baseUrl: server.url,
    transports: ["sse"],
    async fetch(input, init) {
      const headers = new Headers(init?.headers);
      if (cookie) headers.set("cookie", cookie);
      const answer = await fetch(input, { ...init, headers });
      for (const set of answer.headers.getSetCookie()) cookie = set.split(";")[0] ?? "";
      return answer;
    },
  });
  expect((await page.info()).authentication).toEqual(["api-keys"]);
  await expect(page.session.get()).rejects.toMatchObject({ code: "unauthenticated" });
  await expect(page.session.login("mp_wrong")).rejects.toMatchObject({ code: "unauthenticated" });
  expect((await page.session.login(key)).owner).toBe("ann");
  expect(await page.session.get()).toMatchObject({ owner: "ann" });
  const { id } = await page.submit("# By cookie");
  await page.watch(id).ended;
  expect((await page.job(id)).status).toBe("completed");
  await page.session.logout();
  await expect(page.session.get()).rejects.toMatchObject({ code: "unauthenticated" });
  page.close();
});
