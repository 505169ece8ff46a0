/** The sentences of a document, numbered. */
import type { Job } from "@milepost/client";
import { useMemo } from "react";
import { formatNumber } from "../preferences/format";
import { useLocale } from "../preferences/preferences";
import { useTexts } from "../texts/texts";
import { Failure, Skeleton } from "../ui/states";
import { LongList } from "./long-list";
import { parseSentences } from "./pieces";
import { useResult } from "./use-result";

export default function Sentences({ job }: { job: Job }) {
  const t = useTexts();
  const locale = useLocale();
  const { value, error, reload } = useResult(job, "json");
  const sentences = useMemo(() => value && parseSentences(value), [value]);
  if (error) return <Failure error={error} onRetry={reload} />;
  if (!sentences) return <Skeleton lines={8} />;
  return (
    <>
      <p className="hint">{t.sentenceCount(formatNumber(locale, sentences.length))}</p>
      <LongList
        items={sentences}
        estimate={44}
        render={(sentence, index) => (
          <div className="numbered">
            <span className="soft small numeric">{index + 1}</span>
            <span>{sentence}</span>
          </div>
        )}
      />
    </>
  );
}
