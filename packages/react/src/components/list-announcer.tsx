"use client";
/**
 * The live region of a list.
 *
 * Enters: the jobs of a list. Leaves: a sentence when one that was seen under way has ended. Never:
 * stages and percents; of many jobs these would never end.
 */

import { isTerminal, type Job } from "@milepost/client";
import { type ReactNode, useEffect, useRef, useState } from "react";
import { jobName } from "../job-view.js";
import { useFormat, useTexts } from "../provider.js";
import { LiveRegion } from "./announcer.js";

/** Says which job has ended last. */
export function ListAnnouncer({ jobs }: { jobs: readonly Job[] }): ReactNode {
  const texts = useTexts();
  const format = useFormat();
  const [text, setText] = useState("");
  const under = useRef<ReadonlySet<string>>(new Set());
  useEffect(() => {
    for (const job of jobs) {
      if (isTerminal(job.status) && under.current.has(job.id)) {
        const name = jobName(job, texts);
        setText(format.fill(texts[`announce.${job.status}`], { name }));
      }
    }
    under.current = new Set(jobs.filter(({ status }) => !isTerminal(status)).map(({ id }) => id));
  }, [jobs, texts, format]);
  return <LiveRegion text={text} />;
}
