"use client";
/**
 * The live region of a job.
 *
 * Enters: a job's states. Leaves: now and then a sentence for screen readers. Never: takes the
 * focus, or is seen.
 */

import type { Job } from "@milepost/client";
import { type ReactNode, useEffect, useRef, useState } from "react";
import { announcement, type Said, said } from "../announcement.js";
import { useFormat, useTexts } from "../provider.js";
import { HIDDEN } from "./hidden.js";

/** A text that is read out when it changes. */
export function LiveRegion({ text }: { text: string }): ReactNode {
  return (
    <span style={HIDDEN} aria-live="polite" aria-atomic="true">
      {text}
    </span>
  );
}

/** Says what happens to one job. */
export function Announcer({ job, stalled }: { job: Job | undefined; stalled: boolean }): ReactNode {
  const texts = useTexts();
  const format = useFormat();
  const [text, setText] = useState("");
  const last = useRef<{ id: string; said: Said } | undefined>(undefined);
  useEffect(() => {
    if (job === undefined) return;
    const before = last.current?.id === job.id ? last.current.said : undefined;
    const next = announcement(before, job, stalled, texts, format);
    last.current = { id: job.id, said: said(job, stalled) };
    if (next !== undefined) setText(next);
  }, [job, stalled, texts, format]);
  return <LiveRegion text={text} />;
}
