/** A result as it is, letter by letter. Shows the beginning of a very long one. */
import type { Format, Job } from "@milepost/client";
import { formatBytes } from "../preferences/format";
import { useLocale } from "../preferences/preferences";
import { useTexts } from "../texts/texts";
import { Failure, Skeleton } from "../ui/states";
import { useResult } from "./use-result";

/** Characters that a browser still draws at once. */
const MOST = 200_000;

export function PlainText({ job, format }: { job: Job; format: Format }) {
  const t = useTexts();
  const locale = useLocale();
  const { value, error, reload } = useResult(job, format);
  if (error) return <Failure error={error} onRetry={reload} />;
  if (value === undefined) return <Skeleton lines={8} />;
  return (
    <>
      {value.length > MOST && <p className="notice warn">{t.tooLong(formatBytes(locale, MOST))}</p>}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: keyboards scroll it. */}
      <pre className="plain" tabIndex={0}>
        {value.slice(0, MOST)}
      </pre>
    </>
  );
}
