/** The chunks of a document, each under the headings that it stands under. */
import type { Job } from "@milepost/client";
import { useMemo } from "react";
import { formatNumber } from "../preferences/format";
import { useLocale } from "../preferences/preferences";
import { useTexts } from "../texts/texts";
import { Failure, Skeleton } from "../ui/states";
import { LongList } from "./long-list";
import { parseChunks } from "./pieces";
import { useResult } from "./use-result";

export default function Chunks({ job }: { job: Job }) {
  const t = useTexts();
  const locale = useLocale();
  const { value, error, reload } = useResult(job, "chunks");
  const chunks = useMemo(() => value && parseChunks(value), [value]);
  if (error) return <Failure error={error} onRetry={reload} />;
  if (!chunks) return <Skeleton lines={8} />;
  return (
    <>
      <p className="hint">{t.chunkCount(formatNumber(locale, chunks.length))}</p>
      <LongList
        items={chunks}
        estimate={140}
        render={({ id, text, headings }) => (
          <article className="chunk">
            <div className="small soft">{[id, ...headings].join(" › ")}</div>
            <p>{text}</p>
          </article>
        )}
      />
    </>
  );
}
