/** Which answers of the server are kept for reading without a connection. Pure. */

const UUID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}";
const JOB = new RegExp(`^/v1/jobs/${UUID}$`);
const CONTENT = new RegExp(`^/v1/jobs/${UUID}/(?:result|pages|pages/\\d+)$`);
const WHO = new Set(["/v1/info", "/v1/session"]);

/** The cache of an answer; `undefined` where it is not kept. */
export type Kept = "state" | "content";

/** Whether it is the path of a job's state. */
export const isJob = (path: string): boolean => JOB.test(path);

/** The largest answer that is kept, in bytes. */
export const LARGEST = 5_000_000;

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
  if (url.pathname === "/v1/jobs" && !url.searchParams.has("cursor")) return "state";
  return CONTENT.test(url.pathname) ? "content" : undefined;
}
