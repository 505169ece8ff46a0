/**
 * The way from a document to where it can be read. Enters: its id, and a page in the address.
 * Leaves: the page of the newest job that has its pages, or an offer to make one.
 */
import type { MilepostError } from "@milepost/client";
import { useMilepost } from "@milepost/react";
import { useEffect, useState } from "react";
import { Link, useLocation } from "wouter";
import { hasPages } from "../result/views";
import { useTexts } from "../texts/texts";
import { Icon } from "../ui/icons";
import { Empty, Failure, Skeleton } from "../ui/states";
import { useLoad } from "../ui/use-load";
import { useTitle } from "../ui/use-title";

export default function OpenDocument({ id }: { id: string }) {
  const t = useTexts();
  const client = useMilepost();
  const [, navigate] = useLocation();
  const [refused, setRefused] = useState<string>();
  const { value, error, reload } = useLoad(id, async (signal) => {
    const { items } = await client.jobs({ document: id, limit: 50 }, { signal });
    const job = items.find((one) => one.status === "completed" && hasPages(one));
    // Only where there is none to read: of a document that is not there, this says so.
    return { job: job ?? items.find(hasPages), document: await client.documents.get(id) };
  });
  useTitle(value?.document.filename);
  const job = value?.job?.id;

  useEffect(() => {
    if (job) navigate(`/app/jobs/${job}${location.search}`, { replace: true });
  }, [job, navigate]);

  async function convert(): Promise<void> {
    setRefused(undefined);
    try {
      const made = await client.submit({ document: id });
      navigate(`/app/jobs/${made.id}${location.search}`, { replace: true });
    } catch (caught) {
      setRefused((caught as MilepostError).message);
    }
  }

  if (error?.code === "not_found") {
    return (
      <Empty icon="search" title={t.documentGone} whole>
        <p>{t.documentGoneHint}</p>
        <Link className="button" href="/app/search">
          {t.find}
        </Link>
      </Empty>
    );
  }
  if (error) return <Failure error={error} onRetry={reload} />;
  if (!value || job) return <Skeleton lines={6} />;
  return (
    <Empty icon="file" title={t.notReadable} whole>
      <p>{value.document.filename}</p>
      <p>{t.notReadableHint}</p>
      {refused && (
        <p className="notice bad" role="alert">
          {refused}
        </p>
      )}
      <button
        type="button"
        className="button primary"
        data-first-focus=""
        onClick={() => void convert()}
      >
        <Icon name="file" />
        {t.convertToRead}
      </button>
    </Empty>
  );
}
