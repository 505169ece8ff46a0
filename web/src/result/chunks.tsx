/** The chunks of a document, each under the headings that it stands under. */
import type { Job } from "@milepost/client";
import { useMemo } from "react";
import { formatNumber } from "../preferences/format";
import { useLocale } from "../preferences/preferences";
import { useTexts } from "../texts/texts";
import { Icon } from "../ui/icons";
import { Failure, Skeleton } from "../ui/states";
import { LongList } from "./long-list";
import { type Chunk, parseChunks, parseFailures } from "./pieces";
import { useResult } from "./use-result";

export default function Chunks({ job }: { job: Job }) {
  const t = useTexts();
  const locale = useLocale();
  const { value, error, reload } = useResult(job, "chunks");
  const chunks = useMemo(() => value && parseChunks(value), [value]);
  const unread = useMemo(() => (value ? parseFailures(value) : []), [value]);
  const several = job.documents.total > 1;
  const placeOf = ({ id, source, headings, pages }: Chunk): string => {
    const page = pages && (pages[0] === pages[1] ? pages[0] : pages.join("–"));
    return [several ? (source ?? id) : id, ...headings, ...(page ? [t.onPage(page)] : [])].join(
      " › ",
    );
  };
  if (error) return <Failure error={error} onRetry={reload} />;
  if (!chunks) return <Skeleton lines={8} />;
  return (
    <>
      {unread.length > 0 && (
        <div className="notice warn">
          <Icon name="alert" />
          <div className="grow">
            {t.unread(unread.length)}
            <ul>
              {unread.map(({ source, message }) => (
                <li key={source}>
                  <strong>{source}</strong> {message}
                </li>
              ))}
            </ul>
          </div>
        </div>
      )}
      <p className="hint">{t.chunkCount(formatNumber(locale, chunks.length))}</p>
      <LongList
        items={chunks}
        estimate={140}
        render={(chunk) => (
          <article className="chunk">
            <div className="small soft">{placeOf(chunk)}</div>
            <p>{chunk.text}</p>
          </article>
        )}
      />
    </>
  );
}
