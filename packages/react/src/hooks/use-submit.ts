"use client";
/**
 * Submits documents.
 *
 * Enters: sources. Leaves: the state of each, with its upload's progress. Never: goes on sending
 * behind the end of the component; a job that the server has goes on there.
 */

import type { Source, SubmitOptions, SubmittedJob } from "@milepost/client";
import { useEffect, useMemo } from "react";
import { useMilepost } from "../provider.js";
import { Submissions, type SubmitItem } from "../submissions.js";
import { useReadable } from "./use-readable.js";

const NONE: readonly SubmitItem[] = Object.freeze([]);

/** What `useSubmit` returns. The functions stay the same while the client does. */
export interface SubmitView {
  /** In the order of their submission. */
  readonly items: readonly SubmitItem[];
  /** Sends one. Resolves with its job, or with `undefined` when it failed or was cancelled. */
  submit(source: Source, options?: SubmitOptions): Promise<SubmittedJob | undefined>;
  /**
   * Sends several as one batch, each with a progress of its own. `onSubmitted` is called with each
   * job as soon as there is one, after a retry too.
   */
  submitAll(
    sources: readonly Source[],
    options?: SubmitOptions,
    onSubmitted?: (job: SubmittedJob) => void,
  ): Promise<(SubmittedJob | undefined)[]>;
  /** Stops the sending or, once it is sent, the job. */
  cancel(key: string): void;
  /** Sends again or, once it is sent, queues the next attempt of its job. */
  retry(key: string): void;
  /** Takes an item off the list. */
  remove(key: string): void;
  /** Takes off the list what has ended. */
  clear(): void;
}

/**
 * A list of submissions. It is the component's: hold it in one that stays mounted for as long as
 * the sending may take.
 */
export function useSubmit(): SubmitView {
  const client = useMilepost();
  const submissions = useMemo(() => new Submissions(client), [client]);
  useEffect(() => () => submissions.stop(), [submissions]);
  const items = useReadable(submissions, NONE);
  const orders = useMemo(
    (): Omit<SubmitView, "items"> => ({
      submit: (source, options) => submissions.submit(source, options),
      submitAll: (sources, options, onSubmitted) =>
        submissions.submitAll(sources, options, onSubmitted),
      cancel: (key) => submissions.cancel(key),
      retry: (key) => submissions.retry(key),
      remove: (key) => submissions.remove(key),
      clear: () => submissions.clear(),
    }),
    [submissions],
  );
  return useMemo(() => ({ items, ...orders }), [items, orders]);
}
