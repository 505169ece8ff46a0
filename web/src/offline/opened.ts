/**
 * Jobs that were opened in this browser. Enters: the kept answers. Leaves: the jobs among them,
 * for the list while the server cannot be asked. Never: those of somebody else, whose copies are
 * deleted when the owner changes.
 */
import type { Job } from "@milepost/client";
import { useEffect, useState } from "react";
import { CACHES, isJob } from "./kept";

async function openedJobs(): Promise<Job[]> {
  const cache = await caches.open(CACHES.state.name);
  const requests = (await cache.keys()).filter(({ url }) => isJob(new URL(url).pathname));
  const answers = await Promise.all(requests.map((request) => cache.match(request)));
  return Promise.all(answers.filter((answer) => answer !== undefined).map((one) => one.json()));
}

const NONE: readonly Job[] = [];

/** The opened jobs while `wanted`, and none otherwise. */
export function useOpenedJobs(wanted: boolean): readonly Job[] {
  const [jobs, setJobs] = useState(NONE);
  useEffect(() => {
    if (!wanted || !("caches" in globalThis)) return;
    let gone = false;
    // Without storage, as in some private windows, nothing is kept.
    openedJobs().then(
      (found) => gone || setJobs(found),
      () => undefined,
    );
    return () => {
      gone = true;
    };
  }, [wanted]);
  return wanted ? jobs : NONE;
}

/** A list with the opened jobs that it lacks, newest first. What is in both is taken at its newest. */
export function withOpened(listed: readonly Job[], opened: readonly Job[]): readonly Job[] {
  if (opened.length === 0) return listed;
  const jobs = new Map(listed.map((job) => [job.id, job]));
  for (const job of opened) if ((jobs.get(job.id)?.seq ?? 0) < job.seq) jobs.set(job.id, job);
  return [...jobs.values()].sort((one, other) => (one.id < other.id ? 1 : -1));
}
