"use client";
/**
 * A job's whole result in one format.
 *
 * Enters: a completed job. Leaves: its text. Never: HTML as a part of the page: that is shown in a
 * frame that may run nothing.
 */

import type { Format, Job } from "@milepost/client";
import { type ReactNode, useEffect, useState } from "react";
import { faultText } from "../fault.js";
import { useLoad } from "../hooks/use-load.js";
import { jobName } from "../job-view.js";
import { useMilepost, useTexts } from "../provider.js";

/** Props of `Result`. */
export interface ResultProps {
  job: Job;
  format: Format;
  renderMarkdown: ((markdown: string) => ReactNode) | undefined;
}

/** Loads and shows a result. */
export function Result({ job, format, renderMarkdown }: ResultProps): ReactNode {
  const client = useMilepost();
  const texts = useTexts();
  // Another attempt makes another result.
  const key = job.status === "completed" ? `${job.id} ${job.attempt} ${format}` : undefined;
  const { value, error, reload } = useLoad(client, key, (signal) =>
    client.result(job.id, { format, signal }),
  );
  if (value !== undefined) {
    return (
      <Text
        text={value}
        format={format}
        name={jobName(job, texts)}
        renderMarkdown={renderMarkdown}
      />
    );
  }
  if (error !== undefined) {
    return (
      <div className="mp-error" role="alert">
        <p>{faultText(error, texts)}</p>
        {error.retryable && (
          <button type="button" className="mp-button" onClick={reload}>
            {texts["action.retry"]}
          </button>
        )}
      </div>
    );
  }
  return (
    <p className="mp-note" aria-busy="true">
      {texts["progress.loading"]}
    </p>
  );
}

/** Props of `Text`. */
export interface TextProps {
  text: string;
  format: Format;
  /** What it is the text of. */
  name: string;
  renderMarkdown: ((markdown: string) => ReactNode) | undefined;
}

/** A text in its format. What can be scrolled can be reached with the keyboard. */
export function Text({ text, format, name, renderMarkdown }: TextProps): ReactNode {
  if (format === "markdown" && renderMarkdown !== undefined) {
    return <div className="mp-markdown">{renderMarkdown(text)}</div>;
  }
  if (format === "html") return <Frame html={text} name={name} />;
  const shown = format === "json" || format === "chunks" ? indented(text) : text;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls
    <section className="mp-text" tabIndex={0} aria-label={name}>
      <pre>{shown}</pre>
    </section>
  );
}

function indented(json: string): string {
  try {
    return JSON.stringify(JSON.parse(json), null, 2);
  } catch {
    return json;
  }
}

/** HTML in a frame without scripts, forms, or the page's origin. */
function Frame({ html, name }: { html: string; name: string }): ReactNode {
  const [url, setUrl] = useState<string | undefined>(undefined);
  useEffect(() => {
    const made = URL.createObjectURL(new Blob([html], { type: "text/html;charset=utf-8" }));
    setUrl(made);
    return () => URL.revokeObjectURL(made);
  }, [html]);
  return <iframe className="mp-frame" sandbox="" title={name} src={url} />;
}
