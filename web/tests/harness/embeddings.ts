// An embedder as operators have them: an endpoint of the form that OpenAI's has, outside of the
// server. Enters: texts. Leaves: vectors by the words that are in them, always the same. Never: a
// part of the product.

import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";

const DIMENSIONS = 64;

/** Words that mean the same have the same number: so meaning finds what words do not. */
const MEANINGS: readonly (readonly string[])[] = [
  ["boat", "ship", "vessel", "sail"],
  ["bread", "loaf", "bake", "oven"],
  ["winter", "snow", "frost", "cold"],
];

function place(word: string): number {
  const meaning = MEANINGS.findIndex((words) => words.some((one) => word.startsWith(one)));
  if (meaning >= 0) return meaning;
  let hash = 7;
  for (const letter of word) hash = (hash * 31 + letter.charCodeAt(0)) % 1_000_003;
  return MEANINGS.length + (hash % (DIMENSIONS - MEANINGS.length));
}

function vector(text: string): number[] {
  const values = Array<number>(DIMENSIONS).fill(0.001);
  for (const word of text.toLowerCase().match(/\p{L}+/gu) ?? []) {
    const at = place(word);
    // What has a meaning counts more than what only fills the sentence.
    values[at] = (values[at] ?? 0) + (at < MEANINGS.length ? 5 : 0.2);
  }
  return values;
}

export class Embeddings {
  /** Its base address, for the server's configuration. */
  readonly url: string;
  /** Whether it answers; otherwise it says that it cannot now. */
  up = true;
  private readonly server: Server;

  private constructor(server: Server) {
    this.server = server;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
  }

  static async start(): Promise<Embeddings> {
    let own: Embeddings | undefined;
    const server = createServer((request, answer) => {
      let body = "";
      request.on("data", (part: Buffer) => {
        body += part.toString();
      });
      request.on("end", () => {
        const say = (status: number, value: unknown): void => {
          answer.writeHead(status, { "content-type": "application/json" });
          answer.end(JSON.stringify(value));
        };
        if (!own?.up) return say(503, { error: { message: "It rests." } });
        const { input, model } = JSON.parse(body) as { input: string | string[]; model: string };
        const data = [input].flat().map((text, index) => ({
          object: "embedding",
          index,
          embedding: vector(text),
        }));
        say(200, { object: "list", data, model, usage: { prompt_tokens: 0, total_tokens: 0 } });
      });
    }).listen(0, "127.0.0.1");
    await new Promise((listening) => server.once("listening", listening));
    own = new Embeddings(server);
    return own;
  }

  /** What a server's configuration says of it. */
  get config(): string {
    return [
      "[index]",
      'embedder = "harbour"',
      "[embedders.harbour]",
      'kind = "openai"',
      `url = "${this.url}"`,
      'model = "harbour-1"',
      `dimensions = ${DIMENSIONS}`,
      "retries = 0",
      "",
    ].join("\n");
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((closed) => this.server.close(closed));
  }
}
