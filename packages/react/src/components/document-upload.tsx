"use client";
/**
 * Takes documents in and shows how far each is.
 *
 * Enters: files that are chosen, dropped or pasted; texts; addresses. Leaves: jobs, one batch of
 * several. Never: a file that is larger than the server takes.
 */

import type { Source, SubmitOptions, SubmittedJob } from "@milepost/client";
import type { ReactNode } from "react";
import { classes } from "../classes.js";
import { useLatest } from "../hooks/use-latest.js";
import { useInfo } from "../hooks/use-stats.js";
import { type SubmitView, useSubmit } from "../hooks/use-submit.js";
import { useTexts } from "../provider.js";
import { DropZone } from "./drop-zone.js";
import { UploadRow } from "./upload-row.js";
import { UrlForm } from "./url-form.js";
import { usePaste } from "./use-paste.js";

/** A way in which documents come. */
export type UploadSource = "files" | "paste" | "url";

/** Props of `DocumentUpload`. */
export interface DocumentUploadProps {
  /** Goes with each submission. */
  options?: SubmitOptions | undefined;
  /** Called with each job when the server has accepted it. */
  onSubmitted?: ((job: SubmittedJob) => void) | undefined;
  /** Which files the dialog offers, as the attribute of `<input>`. All by default. */
  accept?: string | undefined;
  /** A batch that all files join. By default, several files at a time make a batch of their own. */
  batch?: string | undefined;
  /** Which ways are open. All by default; addresses only where the server fetches them. */
  sources?: readonly UploadSource[] | undefined;
  /**
   * What `useSubmit` returned further up, so that the sending outlives this component. By default
   * the component has its own, and stops what is not sent yet when it is unmounted.
   */
  submissions?: SubmitView | undefined;
  /** Called with a job's id when its name is chosen. Without it, names are plain text. */
  onOpen?: ((jobId: string) => void) | undefined;
  className?: string | undefined;
}

const ALL: readonly UploadSource[] = ["files", "paste", "url"];

/** A drop zone, and below it what was dropped. */
export function DocumentUpload({ submissions, ...props }: DocumentUploadProps): ReactNode {
  if (submissions === undefined) return <WithOwn {...props} />;
  return <Upload {...props} submissions={submissions} />;
}

function WithOwn(props: DocumentUploadProps): ReactNode {
  return <Upload {...props} submissions={useSubmit()} />;
}

function Upload({
  options,
  onSubmitted,
  accept,
  batch,
  sources = ALL,
  submissions,
  onOpen,
  className,
}: DocumentUploadProps & { submissions: SubmitView }): ReactNode {
  const texts = useTexts();
  const { info } = useInfo();
  const { items } = submissions;
  const told = useLatest(onSubmitted);

  const add = (added: readonly Source[]) => {
    const whole = { ...options, ...(batch === undefined ? {} : { batch }) };
    void submissions.submitAll(added, whole, (job) => told.current?.(job));
  };
  usePaste(sources.includes("paste"), info?.fetch_by_url ?? false, add);

  return (
    <section className={classes("mp-upload", className)}>
      {sources.includes("files") && (
        <DropZone
          accept={accept}
          limit={info?.limits.body}
          pastes={sources.includes("paste")}
          onFiles={add}
        />
      )}
      {sources.includes("url") && info?.fetch_by_url && <UrlForm onUrl={(url) => add([{ url }])} />}
      {items.length > 0 && (
        <>
          <ul className="mp-uploads" aria-label={texts["drop.list"]}>
            {items.map((item) => (
              <UploadRow
                key={item.key}
                item={item}
                limit={info?.limits.body}
                onCancel={submissions.cancel}
                onRetry={submissions.retry}
                onRemove={submissions.remove}
                onOpen={onOpen}
              />
            ))}
          </ul>
          <button type="button" className="mp-button" onClick={submissions.clear}>
            {texts["drop.clear"]}
          </button>
        </>
      )}
    </section>
  );
}
