/**
 * Which answers of the server are kept for reading without a connection. Enters: requests and
 * answers. Leaves: the decision. Never keeps anything itself.
 */

const UUID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}";
const JOB = new RegExp(`^/v1/jobs/${UUID}$`);
const CONTENT = new RegExp(`^/v1/jobs/${UUID}/(?:result|pages|pages/\\d+)$`);
const COLLECTION = /^\/v1\/collections(?:\/[^/]+(?:\/documents)?)?$/;
const WHO = new Set(["/v1/info", "/v1/session"]);

/** The cache of an answer; `undefined` where it is not kept. */
export type Kept = "state" | "content";

/** Whether it is the path of a job's state. */
export const isJob = (path: string): boolean => JOB.test(path);

/** The largest answer that is kept, in bytes, unpacked. */
export const LARGEST = 5_000_000;

/**
 * Whether an answer is small enough to be kept. It is measured: what its head says may be missing,
 * or be the size that it was packed to on its way. Reads a copy, and no further than it has to.
 */
export async function fits(answer: Response): Promise<boolean> {
  if (Number(answer.headers.get("content-length") ?? 0) > LARGEST) return false;
  const reader = answer.clone().body?.getReader();
  if (!reader) return true;
  let size = 0;
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    size += part.value.length;
    if (size <= LARGEST) continue;
    // The other half of the copy is still to be read: nobody waits for this one's end.
    void reader.cancel();
    return false;
  }
  return true;
}

/** The caches, by what is in them, and how many answers each holds. */
export const CACHES: Record<Kept, { readonly name: string; readonly entries: number }> = {
  state: { name: "milepost-state", entries: 200 },
  content: { name: "milepost-content", entries: 1500 },
};

/**
 * Decides by address and headers. A request with a credential of its own is not kept: it is that
 * of a shared link, and what it reads is not the owner's. Neither is one that waits for news.
 */
export function kept(url: URL, headers: Headers): Kept | undefined {
  if (headers.has("authorization")) return undefined;
  if (headers.get("accept")?.includes("text/event-stream")) return undefined;
  if (url.searchParams.has("wait") || url.searchParams.has("after")) return undefined;
  if (WHO.has(url.pathname) || isJob(url.pathname)) return "state";
  const list = url.pathname === "/v1/jobs" || COLLECTION.test(url.pathname);
  if (list && !url.searchParams.has("cursor")) return "state";
  return CONTENT.test(url.pathname) ? "content" : undefined;
}
