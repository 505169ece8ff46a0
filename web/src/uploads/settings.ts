/**
 * How documents are worked on. Enters: what was chosen. Leaves: what goes with a submission. Pure.
 */
import type { JobOptions, SubmitOptions } from "@milepost/client";

/** How documents that are added from now on are worked on. */
export interface UploadSettings {
  readonly pipeline: string;
  readonly options: JobOptions;
  /** Where they can be found then, of `ingest`; empty is the server's choice. */
  readonly collection?: string;
}

/** The settings as a submission takes them: a collection only where there is one to be filled. */
export function submissionOf({ pipeline, options, collection }: UploadSettings): SubmitOptions {
  const name = pipeline === "ingest" ? collection?.trim() : undefined;
  return { pipeline, options, ...(name ? { collection: name } : {}) };
}
