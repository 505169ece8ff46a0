// What can be watched, by name. Enters: targets, jobs. Leaves: topics.

import { invalidCall } from "../errors.js";
import type { Job, WatchTarget } from "../types.js";

/** One thing to watch. */
export type Topic = "mine" | `job:${string}` | `batch:${string}` | `document:${string}`;

/** Topics of a target; each once. */
export function topicsOf(target: WatchTarget): Topic[] {
  if (typeof target === "string") return [`job:${target}`];
  // Not every caller is checked by a compiler.
  if (typeof target !== "object" || target === null) {
    throw invalidCall("There is nothing to watch: name a job, several, a batch or a document.");
  }
  if ("mine" in target) return ["mine"];
  if ("batch" in target) return [`batch:${target.batch}`];
  if ("document" in target) return [`document:${target.document}`];
  return [...new Set(target)].map((id): Topic => `job:${id}`);
}

/** Topics under which a job is watched. */
export function topicsOver(job: Job): Topic[] {
  const topics: Topic[] = ["mine", `job:${job.id}`];
  if (job.batch) topics.push(`batch:${job.batch}`);
  if (job.document) topics.push(`document:${job.document.id}`);
  return topics;
}

/** What a topic names; nothing for `mine`. */
export const nameOf = (topic: Topic): string => topic.slice(topic.indexOf(":") + 1);

/** The names of those topics that are of this kind. */
export const namesOf = (topics: Iterable<Topic>, kind: "job" | "batch" | "document"): string[] =>
  [...topics].filter((topic) => topic.startsWith(`${kind}:`)).map(nameOf);
