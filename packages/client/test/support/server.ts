// The real server, for tests that need one. It is started on a port of its own with
// an empty folder, and ended by the test.

import { type ChildProcess, execFile, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";

const BINARY = resolve(process.env.MILEPOST_BIN ?? "../../target/debug/milepost");

export interface Server {
  readonly url: string;
  /** Where its data is. */
  readonly folder: string;
  /** Ends it; `SIGKILL` as a crash would. */
  stop(signal?: NodeJS.Signals): Promise<void>;
  /** Starts it again at the same address with the same data. */
  start(): Promise<void>;
  /** Ends it and removes its data. */
  remove(): Promise<void>;
}

export async function startServer(environment: Record<string, string> = {}): Promise<Server> {
  const folder = mkdtempSync(join(tmpdir(), "milepost-client-"));
  let listen = "127.0.0.1:0";
  let child: ChildProcess | undefined;
  let url = "";

  async function start() {
    const started = spawn(BINARY, ["serve", "--listen", listen, "--data-dir", folder], {
      // Settings of whoever runs the tests are not those of the server.
      env: { PATH: process.env.PATH, ...environment },
      stdio: ["ignore", "pipe", "pipe"],
    });
    child = started;
    url = await new Promise((ready, fail) => {
      let said = "";
      const hear = (text: Buffer) => {
        said += text.toString();
        const found = /https?:\/\/127\.0\.0\.1:\d+/.exec(said);
        if (found) ready(found[0]);
      };
      started.stdout?.on("data", hear);
      started.stderr?.on("data", hear);
      started.once("error", fail);
      started.once("exit", () => fail(new Error(`the server did not start: ${said}`)));
    });
    listen = new URL(url).host;
  }

  async function stop(signal: NodeJS.Signals = "SIGTERM") {
    const ending = child;
    child = undefined;
    if (!ending || ending.exitCode !== null) return;
    const ended = new Promise((done) => ending.once("exit", done));
    ending.kill(signal);
    await ended;
  }

  await start();
  return {
    get url() {
      return url;
    },
    folder,
    start,
    stop,
    async remove() {
      await stop("SIGKILL");
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** A new key of an owner, as an operator makes it. */
export async function makeKey(server: Server, owner: string): Promise<string> {
  const { stdout } = await promisify(execFile)(
    BINARY,
    ["keys", "create", owner, "--data-dir", server.folder],
    { env: { PATH: process.env.PATH } },
  );
  const key = /mp_[0-9a-f]{64}/.exec(stdout)?.[0];
  if (!key) throw new Error(`no key: ${stdout}`);
  return key;
}
