// A gateway between browser and server, as a company's may stand there. Enters: what it
// lets through. Leaves: connections, passed on; counts and addresses of what was asked.
// Never: changes what it passes on.

import { once } from "node:events";
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import { connect, type Socket } from "node:net";
import type { Duplex } from "node:stream";

/** What the gateway does not let through. */
export interface Blocked {
  readonly websocket?: boolean;
  readonly sse?: boolean;
}

export class Gateway {
  /** Path and query of each request, in order; of WebSockets too. */
  readonly asked: string[] = [];
  private readonly server = createServer((asked, answer) => this.pass(asked, answer));
  private readonly sockets = new Set<Duplex>();
  private readonly streams = new Set<Duplex>();
  private blocked: Blocked = {};

  private readonly target: URL;

  private constructor(target: URL) {
    this.target = target;
    this.server.on("upgrade", (asked, socket, head) => this.upgrade(asked, socket, head));
  }

  /** A gateway before the server at `url`. */
  static async before(url: string): Promise<Gateway> {
    const gateway = new Gateway(new URL(url));
    gateway.server.listen(0, "127.0.0.1");
    await once(gateway.server, "listening");
    return gateway;
  }

  /** Where the browser finds the server. */
  get url(): string {
    const address = this.server.address();
    if (address === null || typeof address === "string") throw new Error("The gateway is closed");
    return `http://127.0.0.1:${address.port}`;
  }

  /** How many WebSockets and event streams are open. */
  get open(): { websockets: number; streams: number } {
    return { websockets: this.sockets.size, streams: this.streams.size };
  }

  /** Refuses these from now on, and cuts those that are open. */
  block(blocked: Blocked): void {
    this.blocked = blocked;
    if (blocked.websocket === true) for (const socket of this.sockets) socket.destroy();
    if (blocked.sse === true) for (const stream of this.streams) stream.destroy();
  }

  async close(): Promise<void> {
    this.block({ websocket: true, sse: true });
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, "close");
  }

  private pass(asked: IncomingMessage, answer: ServerResponse): void {
    this.asked.push(asked.url ?? "");
    const streams = asked.headers.accept?.includes("text/event-stream") === true;
    if (streams && this.blocked.sse === true) {
      answer.writeHead(502).end();
      return;
    }
    const onward = request(
      {
        host: this.target.hostname,
        port: this.target.port,
        method: asked.method,
        path: asked.url,
        headers: asked.headers,
      },
      (answered) => {
        answer.writeHead(answered.statusCode ?? 502, answered.headers);
        answered.pipe(answer);
        answered.on("error", () => answer.destroy());
      },
    );
    onward.on("error", () => (answer.headersSent ? answer.destroy() : answer.writeHead(502).end()));
    answer.on("close", () => onward.destroy());
    asked.pipe(onward);
    if (streams) this.hold(this.streams, asked.socket, answer);
  }

  private upgrade(asked: IncomingMessage, socket: Duplex, head: Buffer): void {
    this.asked.push(asked.url ?? "");
    if (this.blocked.websocket === true) {
      socket.end("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
      return;
    }
    const onward = connect(Number(this.target.port), this.target.hostname, () => {
      const heads = pairs(asked.rawHeaders).map(([name, value]) => `${name}: ${value}\r\n`);
      onward.write(`${asked.method} ${asked.url} HTTP/1.1\r\n${heads.join("")}\r\n`);
      onward.write(head);
      onward.pipe(socket).pipe(onward);
    });
    this.hold(this.sockets, socket, socket);
    end(socket, onward);
  }

  private hold(among: Set<Duplex>, connection: Duplex, until: NodeJS.EventEmitter): void {
    among.add(connection);
    until.once("close", () => among.delete(connection));
  }
}

/** Ends each with the other. */
function end(one: Duplex, other: Socket): void {
  for (const [a, b] of [
    [one, other],
    [other, one],
  ] as const) {
    a.on("error", () => b.destroy());
    a.once("close", () => b.destroy());
  }
}

function pairs(flat: readonly string[]): [string, string][] {
  const found: [string, string][] = [];
  for (let at = 0; at + 1 < flat.length; at += 2) found.push([flat[at] ?? "", flat[at + 1] ?? ""]);
  return found;
}
