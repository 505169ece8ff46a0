// Submissions. Enters: sources and options. Leaves: requests, and the jobs that were
// made of them. Never: reads a file into memory by itself.
//
// It is loaded with the first submission: whoever only watches does without it.

import {
  abortedError,
  invalidCall,
  invalidResponse,
  networkError,
  refusal,
  timeoutError,
} from "./errors.js";
import type { Http, Query } from "./http.js";
import { guarded, randomId } from "./platform.js";
import type { Batch, IngestSource, Job, Source, SubmitOptions, SubmittedJob } from "./types.js";

/** Files of one request, and their bytes: well below what a server takes by default. */
const MAX_FILES = 100;
const MAX_BYTES = 100_000_000;
/** Submissions of one JSON array. */
const MAX_ITEMS = 500;

const NOTHING = "There is nothing to submit: name a file, a text, a URL or a stored document.";

interface File {
  readonly file: Blob;
  readonly filename: string;
}

type Part = { readonly file: File } | { readonly json: Record<string, unknown> };

/** What an upload is sent with. */
export interface UploadParts {
  readonly http: Http;
  /** ms of one request. */
  readonly timeout: number;
}

/** Submits one source. */
export async function submit(
  parts: UploadParts,
  source: Source,
  options: SubmitOptions = {},
): Promise<SubmittedJob> {
  const part = describe(source);
  const answer = await send(parts, "/v1/jobs", [part], options, { batch: options.batch });
  return onlyJob(answer);
}

/** Submits several sources as one job that puts them into a collection. */
export async function ingest(
  parts: UploadParts,
  sources: readonly (Source | IngestSource)[],
  options: SubmitOptions = {},
): Promise<SubmittedJob> {
  if (!sources?.length) throw invalidCall(NOTHING);
  const entries = sources.map((each) =>
    typeof each === "object" && each !== null && "source" in each ? each : { source: each },
  );
  const described = entries.map(({ source }) => describe(source));
  const total = bytes(described.filter((part) => "file" in part));
  let sent = 0;
  const own = options.idempotencyKey ?? randomId();
  const items: unknown[] = [];
  for (const [place, part] of described.entries()) {
    const { key, metadata } = entries[place] as IngestSource;
    let json: object;
    if ("file" in part) {
      const before = sent;
      const { id } = (await send(parts, "/v1/documents", [part], {
        signal: options.signal,
        idempotencyKey: `${own}-${place}`,
        onUploadProgress: (now) =>
          options.onUploadProgress?.(Math.min(before + now, before + bytes([part])), total),
      } as SubmitOptions)) as { id: string };
      sent += bytes([part]);
      json = { document: id };
    } else {
      json = part.json;
    }
    items.push({ ...json, key, metadata });
  }
  const json = { pipeline: "ingest", ...fieldsOf(options), sources: items };
  const answer = await parts.http.json("/v1/jobs", {
    method: "POST",
    query: { batch: options.batch },
    json,
    headers: headersOf({ ...options, idempotencyKey: own }),
    signal: options.signal,
    repeatable: true,
  });
  return onlyJob(answer);
}

/** Submits what takes the place of a document of a collection, at that document's path. */
export async function replace(
  parts: UploadParts,
  path: string,
  source: Source,
  options: SubmitOptions = {},
): Promise<SubmittedJob> {
  return onlyJob(await send(parts, path, [describe(source)], options, {}, "PUT"));
}

/** Gives a held job its document, or leave to run. */
export async function confirm(
  parts: UploadParts,
  id: string,
  source?: Source,
  options: SubmitOptions = {},
): Promise<Job> {
  const path = `/v1/jobs/${encodeURIComponent(id)}/confirm`;
  if (source !== undefined) return onlyJob(await send(parts, path, [describe(source)], options));
  return parts.http.json(path, {
    method: "POST",
    signal: options.signal,
    ...(options.options ? { json: { options: options.options } } : {}),
  });
}

/** Stores a document without a job. */
export function uploadDocument<T>(
  parts: UploadParts,
  file: Blob | { file: Blob; filename?: string },
  options: SubmitOptions = {},
): Promise<T> {
  return send(parts, "/v1/documents", [describe(file)], options) as Promise<T>;
}

/**
 * Submits several sources as one batch, in as many requests as it takes. Each of
 * them is accepted as a whole; where one is refused, those before it stay.
 */
export async function submitAll(
  parts: UploadParts,
  sources: readonly Source[],
  options: SubmitOptions = {},
): Promise<{ batch: Batch; jobs: SubmittedJob[] }> {
  if (!sources?.length) throw invalidCall(NOTHING);
  const key = options.idempotencyKey ?? randomId();
  const jobs: SubmittedJob[] = [];
  let batch = options.batch ?? "new";
  let sent = 0;
  const groups = group(sources.map(describe));
  const total = groups.reduce((sum, { parts }) => sum + bytes(parts), 0);
  for (const [index, { places, parts: members }] of groups.entries()) {
    const before = sent;
    const answer = await send(
      parts,
      "/v1/jobs",
      members,
      {
        ...options,
        idempotencyKey: `${key}-${index}`,
        ...(options.onUploadProgress && {
          onUploadProgress: (now: number) =>
            options.onUploadProgress?.(Math.min(before + now, total), total),
        }),
      },
      { batch },
    );
    const made = (answer as { jobs?: SubmittedJob[] }).jobs ?? [onlyJob(answer)];
    places.forEach((place, at) => {
      const job = made[at];
      if (job) jobs[place] = job;
    });
    batch = made[0]?.batch ?? batch;
    sent += bytes(members);
  }
  return {
    batch: await parts.http.json<Batch>(`/v1/batches/${encodeURIComponent(batch)}`),
    jobs,
  };
}

function describe(source: Source): Part {
  if (source instanceof Blob) {
    const name = "name" in source && typeof source.name === "string" ? source.name : "document";
    return { file: { file: source, filename: name } };
  }
  if (typeof source === "string") {
    return { json: /^https?:\/\/\S+$/i.test(source) ? { url: source } : { text: source } };
  }
  // Not every caller is checked by a compiler.
  if (typeof source !== "object" || source === null) throw invalidCall(NOTHING);
  if ("file" in source) {
    const own = describe(source.file);
    return "file" in own && source.filename
      ? { file: { file: source.file, filename: source.filename } }
      : own;
  }
  return { json: { ...source } };
}

function group(all: readonly Part[]): { places: number[]; parts: Part[] }[] {
  const groups: { places: number[]; parts: Part[]; bytes: number; form: boolean }[] = [];
  for (const [place, part] of all.entries()) {
    const form = "file" in part;
    const size = bytes([part]);
    const last = groups.findLast((one) => one.form === form);
    const fits =
      last && last.parts.length < (form ? MAX_FILES : MAX_ITEMS) && last.bytes + size <= MAX_BYTES;
    if (fits) {
      last.places.push(place);
      last.parts.push(part);
      last.bytes += size;
    } else {
      groups.push({ places: [place], parts: [part], bytes: size, form });
    }
  }
  return groups;
}

const bytes = (parts: readonly Part[]): number =>
  parts.reduce(
    (sum, part) => sum + ("file" in part ? part.file.file.size : JSON.stringify(part.json).length),
    0,
  );

function onlyJob(answer: unknown): SubmittedJob {
  const job = (answer as { jobs?: SubmittedJob[] } | null)?.jobs?.[0] ?? answer;
  if (typeof (job as SubmittedJob | null)?.id !== "string") throw invalidResponse();
  return job as SubmittedJob;
}

/** What is the same for all documents of a request. */
function fieldsOf({
  pipeline,
  options,
  collection,
  metadata,
  priority,
  hold,
  force,
  stages,
}: SubmitOptions): Readonly<Record<string, unknown>> {
  const all = { pipeline, options, collection, metadata, priority, hold, force, stages };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

function headersOf({ idempotencyKey, wait }: SubmitOptions): Record<string, string> {
  return {
    "idempotency-key": idempotencyKey ?? randomId(),
    ...(wait !== undefined && { prefer: `wait=${wait}` }),
  };
}

async function send(
  { http, timeout }: UploadParts,
  path: string,
  members: readonly Part[],
  options: SubmitOptions,
  query: Query = {},
  method = "POST",
): Promise<unknown> {
  const shared = fieldsOf(options);
  const headers = headersOf(options);
  const files = members.flatMap((part) => ("file" in part ? [part.file] : []));
  let body: FormData | string;
  if (files.length > 0) {
    body = new FormData();
    for (const [name, value] of Object.entries(shared)) {
      body.append(name, typeof value === "string" ? value : JSON.stringify(value));
    }
    for (const { file, filename } of files) body.append("file", file, filename);
  } else {
    const items = members.map((part) => ({
      ...shared,
      ...("json" in part && { source: part.json }),
    }));
    body = JSON.stringify(items.length === 1 ? items[0] : items);
    headers["content-type"] = "application/json";
  }
  if (options.onUploadProgress && typeof XMLHttpRequest !== "undefined") {
    const upload = { ...options, onUploadProgress: options.onUploadProgress };
    const open = (request: XMLHttpRequest) => request.open(method, http.url(path, query));
    return sendWithProgress(http, open, body, headers, upload, timeout);
  }
  const answer = await http.json(path, {
    method,
    query,
    body,
    headers,
    signal: options.signal,
    repeatable: true,
  });
  const all = bytes(members);
  // The job is made: what throws here must not say otherwise.
  guarded(() => options.onUploadProgress?.(all, all));
  return answer;
}

/** `fetch` cannot tell how far a body has been sent. */
async function sendWithProgress(
  http: Http,
  open: (request: XMLHttpRequest) => void,
  body: FormData | string,
  headers: Record<string, string>,
  { signal, onUploadProgress }: SubmitOptions,
  timeout: number,
): Promise<unknown> {
  const token = await http.token();
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(abortedError());
    const request = new XMLHttpRequest();
    open(request);
    request.timeout = timeout;
    request.withCredentials = !token;
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    if (token) request.setRequestHeader("authorization", `Bearer ${token}`);
    request.upload.onprogress = ({ loaded, total }) => onUploadProgress?.(loaded, total);
    const give = () => request.abort();
    signal?.addEventListener("abort", give);
    request.onloadend = () => signal?.removeEventListener("abort", give);
    request.onabort = () => reject(abortedError());
    request.onerror = () => reject(networkError());
    request.ontimeout = () => reject(timeoutError());
    request.onload = () => {
      const { status, responseText } = request;
      if (status < 200 || status > 299) {
        return reject(refusal(status, responseText, request.getResponseHeader("retry-after")));
      }
      try {
        resolve(JSON.parse(responseText));
      } catch {
        reject(invalidResponse(status));
      }
    };
    request.send(body);
  });
}
