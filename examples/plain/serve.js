// Serves this folder's page. Enters: MILEPOST_URL (where the server is) and PORT. Leaves:
// the page, the client's script from its package, the setting. Never: other files.

import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { fileURLToPath } from "node:url";

const milepost = process.env.MILEPOST_URL ?? "http://127.0.0.1:8080";
const port = Number(process.env.PORT ?? 5170);

const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const client = fileURLToPath(import.meta.resolve("@milepost/client/global"));
const files = {
  "/": ["text/html", () => readFile(here("index.html"))],
  "/page.css": ["text/css", () => readFile(here("page.css"))],
  "/page.js": ["text/javascript", () => readFile(here("page.js"))],
  "/milepost.global.js": ["text/javascript", () => readFile(client)],
  "/settings.js": ["text/javascript", () => `window.MILEPOST_URL = ${JSON.stringify(milepost)};`],
};

const server = createServer(async (request, response) => {
  const [type, content] = files[request.url] ?? [];
  if (content === undefined) {
    response.writeHead(404).end();
    return;
  }
  response.writeHead(200, { "Content-Type": `${type}; charset=utf-8` }).end(await content());
});

server.listen(port, "127.0.0.1", () => {
  const origin = `http://127.0.0.1:${server.address().port}`;
  process.stdout.write(`The page is at ${origin}, for the server at ${milepost}.\n`);
});
