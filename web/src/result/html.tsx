/**
 * The HTML result, apart from the app: in a frame without scripts and forms. Enters: HTML that came
 * out of somebody's document. Its own styles are taken out, as the server's policy forbids them.
 */
import type { Job } from "@milepost/client";
import DOMPurify from "dompurify";
import { useMemo } from "react";
import { formatBytes } from "../preferences/format";
import { useLocale } from "../preferences/preferences";
import { useTexts } from "../texts/texts";
import { Failure, Skeleton } from "../ui/states";
import { useResult } from "./use-result";

/** Links open beside the app: in the frame the server's policy lets nothing else in. */
const HEAD = `<link rel="stylesheet" href="/app/document.css"><base target="_blank">`;

/** Characters that a browser still draws at once. */
const MOST = 1_000_000;

/** The document of the frame: clean, and in the app's look. */
export function frameDocument(html: string): string {
  // Taken out before they are parsed: a parser that meets them reports a breach of the policy.
  const plain = html.replaceAll(/<style[\s>][\s\S]*?<\/style\s*>/gi, "");
  const clean = DOMPurify.sanitize(plain, {
    FORBID_TAGS: ["style", "link", "meta", "base", "form", "input", "button"],
    FORBID_ATTR: ["style"],
  });
  return `<!doctype html><html><head>${HEAD}</head><body>${clean}</body></html>`;
}

export default function Html({ job }: { job: Job }) {
  const t = useTexts();
  const locale = useLocale();
  const { value, error, reload } = useResult(job, "html");
  const page = useMemo(
    () => (value === undefined ? undefined : frameDocument(value.slice(0, MOST))),
    [value],
  );
  if (error) return <Failure error={error} onRetry={reload} />;
  if (page === undefined) return <Skeleton lines={8} />;
  return (
    <>
      {(value?.length ?? 0) > MOST && (
        <p className="notice warn">{t.tooLong(formatBytes(locale, MOST))}</p>
      )}
      <iframe
        className="html-frame"
        title={t.views.html}
        // The same origin, to load the style sheet; without scripts nothing in it can use that.
        sandbox="allow-same-origin allow-popups allow-popups-to-escape-sandbox"
        referrerPolicy="no-referrer"
        srcDoc={page}
      />
    </>
  );
}
