// Runs a client in Chromium, in a page of another origin than the server's. Enters:
// first on standard input a line of JSON, {client, url, ...arguments}, then orders;
// the installed packages as MILEPOST_CLIENTS. Leaves: first {origin}, of the page, then
// a line of JSON for each thing that its user would be shown.

import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const installed = createRequire(`${process.env.MILEPOST_CLIENTS}/`);
const { chromium } = installed("playwright-core");
const show = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);

// The page, beside it the clients' modules, and Socket.IO's client by its version.
const pages = createServer(async (request, response) => {
  const [, name, version] = request.url.match(/^\/([a-z]+)(?:-(\d\.\d))?\.js$/) ?? [];
  if (!name) {
    response.setHeader("content-type", "text/html");
    return response.end("<!doctype html><title>A client</title>");
  }
  const file = version
    ? `${process.env.MILEPOST_CLIENTS}/node_modules/socket.io-client-${version}/dist/socket.io.esm.min.js`
    : new URL(`${name}.js`, import.meta.url);
  response.setHeader("content-type", "text/javascript");
  response.end(await readFile(file));
});
await new Promise((resolve) => pages.listen(0, "127.0.0.1", resolve));
const origin = `http://127.0.0.1:${pages.address().port}`;
show({ origin });

const orders = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const { client, url, ...given } = JSON.parse((await orders.next()).value);

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM,
  args: [
    "--no-sandbox",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-quic",
    "--disable-sync",
  ],
});
const page = await browser.newPage();
page.on("pageerror", (error) => show({ fault: String(error) }));
await page.exposeFunction("show", show);
await page.goto(origin);
const run = page.evaluate(
  async ([client, base, { speed, io: version, ...given }]) => {
    const { webOf } = await import("/web.js");
    const { run } = await import(`/${client}.js`);
    // Each line is through before the next, so that none is out of its place.
    let shown = Promise.resolve();
    const show = (line) => (shown = shown.then(() => window.show(line)));
    const { io } = version ? await import(`/socketio-${version}.js`) : {};
    const web = webOf({ base, show, speed, WebSocket, EventSource, io });
    window.order = web.order;
    await run(web, given);
    web.end();
    await shown;
  },
  [client, url, given],
);
(async () => {
  for await (const line of orders) await page.evaluate((line) => window.order(line), line);
})().catch(() => {});
await run;
await browser.close();
pages.close();
process.exit();
