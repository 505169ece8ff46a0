// What every journey stands on: a server of its own and a page that is open at it.
// Enters: `settings` of the server. Leaves: the fixtures `server`, `api`, `gateway`.
// Never: a mock of our own parts; a pause in place of a condition.

import { test as base, expect } from "@playwright/test";
import type { Api } from "./api.js";
import { Embeddings } from "./embeddings.js";
import { Gateway } from "./gateway.js";
import { Server, type Settings } from "./server.js";

interface Fixtures {
  /** Of the server; set them with `test.use`. */
  settings: Settings;
  /** Whether the server has an embedder. */
  embedder: boolean;
  /** The embedder, where there is one. */
  embeddings: Embeddings | undefined;
  server: Server;
  /** Calls as the server's only user, where there is no authentication. */
  api: Api;
  /** Before the server; a page that is opened at its `url` is served through it. */
  gateway: Gateway;
}

export const test = base.extend<Fixtures>({
  settings: [{}, { option: true }],
  embedder: [false, { option: true }],
  embeddings: async ({ embedder }, use) => {
    const embeddings = embedder ? await Embeddings.start() : undefined;
    await use(embeddings);
    await embeddings?.close();
  },
  server: async ({ settings, embeddings }, use, info) => {
    const server = await Server.start(settings, embeddings?.config);
    await use(server);
    if (info.status !== info.expectedStatus) {
      await info.attach("server.log", { body: server.recentLog() });
    }
    await server.dispose();
  },
  api: async ({ server }, use) => use(server.api()),
  gateway: async ({ server }, use) => {
    const gateway = await Gateway.before(server.url);
    await use(gateway);
    await gateway.close();
  },
  baseURL: async ({ server }, use) => use(server.url),
});

export { expect };
