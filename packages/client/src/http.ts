// HTTP calls. Enters: a path, what is sent. Leaves: an answer that was a success,
// or a `MilepostError`. Never: a credential in a URL, or a request that may not be
// sent twice sent twice.

import {
  abortedError,
  GATEWAY,
  invalidResponse,
  MilepostError,
  networkError,
  refusal,
  timeoutError,
} from "./errors.js";
import { type Clock, type Log, sleep } from "./platform.js";

/** Tries of a request that may be repeated. */
const TRIES = 3;
/** ms before the second try; twice that before the third. */
const PAUSE = 300;
/** Values of a query; what is undefined is left out, a list is repeated. */
export type Query = Readonly<
  Record<string, string | number | boolean | readonly string[] | undefined>
>;

/** One call. */
export interface Call {
  readonly method?: string;
  readonly query?: Query | undefined;
  /** Sent as JSON. */
  readonly json?: unknown;
  readonly body?: BodyInit;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
  /** ms until the answer's head, and for `text` and `json` its end. */
  readonly timeout?: number;
  /** May be sent again after a failure of the network. By default reads only. */
  readonly repeatable?: boolean;
  /** Statuses besides 2xx that are no failure. */
  readonly accept?: readonly number[];
}

/** What calls are made with. */
export interface HttpParts {
  /** Without a slash at its end; empty where there is none. */
  readonly base: string;
  readonly fetch: typeof fetch;
  readonly clock: Clock;
  readonly timeout: number;
  readonly log: Log;
  /** The present credential. */
  token(): Promise<string | undefined>;
}

/** Calls to one server. */
export class Http {
  readonly #parts: HttpParts;

  constructor(parts: HttpParts) {
    this.#parts = parts;
  }

  /** The address of a path, without a credential. */
  url(path: string, query: Query = {}): string {
    const search = new URLSearchParams();
    for (const [name, value] of Object.entries(query)) {
      if (value === undefined) continue;
      for (const one of Array.isArray(value) ? value : [value]) search.append(name, String(one));
    }
    const text = search.toString();
    return this.#parts.base + path + (text && `?${text}`);
  }

  /** The credential that the next call would carry. */
  token(): Promise<string | undefined> {
    return this.#parts.token();
  }

  /** The answer's JSON. What it is made of is the server's promise. */
  async json<T>(path: string, call: Call = {}): Promise<T> {
    const text = await this.text(path, call);
    try {
      return JSON.parse(text) as T;
    } catch {
      throw invalidResponse();
    }
  }

  /** The answer's text. */
  text(path: string, call: Call = {}): Promise<string> {
    return this.#repeat(path, call, (response) => response.text());
  }

  /** The answer's bytes. */
  blob(path: string, call: Call = {}): Promise<Blob> {
    return this.#repeat(path, call, (response) => response.blob());
  }

  /** The answer, its body unread: for streams. The timeout ends with its head. */
  open(path: string, call: Call): Promise<Response> {
    return this.once(path, call, async (response) => response);
  }

  async #repeat<T>(path: string, call: Call, read: (response: Response) => Promise<T>) {
    const tries = (call.repeatable ?? (call.method ?? "GET") === "GET") ? TRIES : 1;
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.once(path, call, read);
      } catch (error) {
        if (!(error instanceof MilepostError) || attempt >= tries) throw error;
        if (error.code !== "network" && !GATEWAY.has(error.status ?? 0)) throw error;
        this.#parts.log(`${path}: ${error.code}, again`);
        await sleep(this.#parts.clock, PAUSE * 2 ** (attempt - 1), call.signal);
      }
    }
  }

  /** One try, of which `read` makes something. */
  async once<T>(path: string, call: Call, read: (response: Response) => Promise<T>): Promise<T> {
    const { clock, fetch, timeout } = this.#parts;
    const { signal } = call;
    const abort = new AbortController();
    const give = () => abort.abort();
    if (signal?.aborted) throw abortedError();
    signal?.addEventListener("abort", give);
    let late = false;
    const cancel = clock.after(call.timeout ?? timeout, () => {
      late = true;
      give();
    });
    let streaming = false;
    try {
      const token = await unless(abort.signal, this.#parts.token());
      let response = await fetch(this.url(path, call.query), this.#init(call, token, abort.signal));
      if (response.status === 401 && token) {
        // Perhaps it has just ended: whoever gives tokens may have another one.
        const fresh = await unless(abort.signal, this.#parts.token());
        if (fresh && fresh !== token) {
          await response.body?.cancel();
          response = await fetch(this.url(path, call.query), this.#init(call, fresh, abort.signal));
        }
      }
      if (!response.ok && !call.accept?.includes(response.status)) {
        throw refusal(response.status, await response.text(), response.headers.get("retry-after"));
      }
      const result = await read(response);
      streaming = (result as unknown) === response;
      return result;
    } catch (error) {
      if (error instanceof MilepostError) throw error;
      throw signal?.aborted ? abortedError() : late ? timeoutError() : networkError(error);
    } finally {
      cancel();
      // A stream that goes on can still be given up.
      if (!streaming) signal?.removeEventListener("abort", give);
    }
  }

  #init(call: Call, token: string | undefined, signal: AbortSignal): RequestInit {
    const headers = new Headers(call.headers);
    if (token) headers.set("authorization", `Bearer ${token}`);
    const body = call.json === undefined ? call.body : JSON.stringify(call.json);
    if (call.json !== undefined) headers.set("content-type", "application/json");
    return {
      method: call.method ?? "GET",
      headers,
      signal,
      // A session's cookie goes along, also to another origin that allows it.
      credentials: token ? "same-origin" : "include",
      ...(body === undefined ? {} : { body }),
    };
  }
}

/** What a promise brings, unless the signal aborts before. */
function unless<T>(signal: AbortSignal, promise: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    promise.then(resolve, reject);
  });
}

/** The page's origin where none is given; nothing where there is no page. */
export function baseOf(url: string | URL | undefined): string {
  const page = globalThis.location?.origin;
  const base = url === undefined ? (page ?? "") : new URL(url, page).href;
  return base.replace(/\/+$/, "");
}
