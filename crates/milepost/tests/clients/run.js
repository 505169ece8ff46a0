// Runs a client in Node. Enters: first on standard input a line of JSON, {client, url,
// ...arguments}, then orders, one a line; the installed packages as MILEPOST_CLIENTS.
// Leaves: a line of JSON for each thing that its user would be shown.

import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { webOf } from "./web.js";

const installed = createRequire(`${process.env.MILEPOST_CLIENTS}/`);
const { WebSocket } = installed("ws");
const { EventSource } = installed("eventsource");

const show = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);
const orders = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const { client, url: base, speed, io: version, ...given } = JSON.parse((await orders.next()).value);
const io = version && installed(`socket.io-client-${version}`).io;
const web = webOf({ base, show, speed, WebSocket, EventSource, io });
(async () => {
  for await (const line of orders) web.order(line);
})();
const { run } = await import(`./${client}.js`);
await run(web, given);
web.end();
process.stdin.destroy();
