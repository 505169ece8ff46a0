// The server as its users start it: the binary, a data folder and a port of its own.
// Enters: settings. Leaves: a running process that can be killed and started again at
// the same address. Never: leaves a process or a folder behind.

import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Api } from "./api.js";
import { until } from "./until.js";

/** The repository's root. */
export const ROOT = new URL("../../../", import.meta.url).pathname;

const BINARY = process.env.MILEPOST_BIN ?? join(ROOT, "target/debug/milepost");
const READY = "Milepost is ready at ";
/** What a converter calls itself once it is shut in. */
const CONVERTER = "milepost: converter";

/** `MILEPOST_…` variables, without that prefix. */
export type Settings = Readonly<Record<string, string>>;

/** A port that nobody has at this moment. */
export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const address = probe.address();
  probe.close();
  await once(probe, "close");
  if (address === null || typeof address === "string") throw new Error("no port is free");
  return address.port;
}

export class Server {
  readonly url: string;
  private readonly data: string;
  private readonly environment: NodeJS.ProcessEnv;
  private process: ChildProcess | undefined;
  private log = "";

  private constructor(port: number, data: string, settings: Settings) {
    this.url = `http://127.0.0.1:${port}`;
    this.data = data;
    const own = Object.entries(process.env).filter(([name]) => !name.startsWith("MILEPOST_"));
    const set = Object.entries(settings).map(([name, value]) => [`MILEPOST_${name}`, value]);
    this.environment = {
      ...Object.fromEntries([...own, ...set]),
      MILEPOST_LISTEN: `127.0.0.1:${port}`,
      MILEPOST_DATA_DIR: data,
    };
  }

  /**
   * A running server with two converters and otherwise the defaults. `config` is the text of a
   * configuration file, for what no variable can say.
   */
  static async start(settings: Settings = {}, config = ""): Promise<Server> {
    const data = await mkdtemp(join(tmpdir(), "milepost-journey-"));
    if (config !== "") {
      const file = join(data, "milepost.toml");
      await writeFile(file, config);
      return Server.start({ ...settings, CONFIG: file });
    }
    const server = new Server(await freePort(), data, { WORKER_SLOTS: "2", ...settings });
    await server.launch();
    return server;
  }

  /** Starts it, or starts it again where it was. Resolves once it answers. */
  async launch(): Promise<void> {
    const child = spawn(BINARY, ["serve"], {
      env: this.environment,
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.process = child;
    child.stderr.on("data", (text: Buffer) => {
      this.log = (this.log + text).slice(-20_000);
    });
    const lines = createInterface(child.stdout);
    const ready = new Promise<void>((resolve, reject) => {
      lines.on("line", (line) => line.startsWith(READY) && resolve());
      child.once("error", reject);
      child.once("exit", () => reject(new Error(`The server did not start:\n${this.log}`)));
    });
    await ready;
  }

  /** Calls to it, as whom `token` says. */
  api(token?: string): Api {
    return new Api(this.url, token);
  }

  /** Makes an API key by the command line, as an operator does. */
  key(name: string, scopes?: string): string {
    const more = scopes === undefined ? [] : ["--scopes", scopes];
    const said = execFileSync(BINARY, ["keys", "create", name, ...more], {
      env: this.environment,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    });
    const key = /mp_[0-9a-f]{64}/.exec(said)?.[0];
    if (key === undefined) throw new Error("`milepost keys create` showed no key");
    return key;
  }

  /** Ends it as a crash would. Its converters end by themselves. */
  async crash(): Promise<void> {
    await this.end("SIGKILL");
  }

  /** Stops every converter in the middle of what it does, once all of them are there. */
  async freeze(): Promise<void> {
    const slots = Number(this.environment.MILEPOST_WORKER_SLOTS);
    await until("the converters are there", async () => this.converters().length === slots);
    this.signalConverters("SIGSTOP");
  }

  /** Lets every converter go on. */
  thaw(): void {
    this.signalConverters("SIGCONT");
  }

  /** Ends it for good, and takes its folder away. */
  async dispose(): Promise<void> {
    this.thaw();
    await this.end("SIGKILL");
    await rm(this.data, { recursive: true, force: true, maxRetries: 5 });
  }

  /** What it wrote to its log lately. */
  recentLog(): string {
    return this.log;
  }

  private converters(): number[] {
    const id = String(this.process?.pid ?? "");
    // It ends with 1 where there are none.
    const found = spawnSync("ps", ["--ppid", id, "-o", "pid=,args="], { encoding: "utf8" });
    const lines = found.stdout.split("\n").filter((line) => line.includes(CONVERTER));
    return lines.map((line) => Number.parseInt(line, 10));
  }

  private signalConverters(signal: NodeJS.Signals): void {
    for (const converter of this.converters()) process.kill(converter, signal);
  }

  private async end(signal: NodeJS.Signals): Promise<void> {
    const child = this.process;
    this.process = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, "exit");
    child.kill(signal);
    await gone;
  }
}
