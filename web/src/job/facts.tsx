/** What a job is: its document, its pipeline, its times. */
import type { Job } from "@milepost/client";
import type { ReactNode } from "react";
import { Link } from "wouter";
import { collectionPath } from "../collections/address";
import { formatBytes, formatDuration, formatNumber, formatTime } from "../preferences/format";
import { useLocale } from "../preferences/preferences";
import { useTexts } from "../texts/texts";
import { kindName } from "../ui/kinds";

export function Facts({ job, shared }: { job: Job; shared: boolean }) {
  const t = useTexts();
  const locale = useLocale();
  const { document, batch, started_at, finished_at } = job;
  const facts: [string, ReactNode][] = [];
  if (document) {
    facts.push([t.facts.type, kindName(document.media_type)]);
    facts.push([t.facts.size, formatBytes(locale, document.bytes)]);
    if (document.pages) facts.push([t.facts.pages, formatNumber(locale, document.pages)]);
  }
  facts.push([t.facts.pipeline, t.pipelines[job.pipeline] ?? job.pipeline]);
  if (job.documents.total > 1) {
    const { done, total } = job.documents;
    facts.push([t.documents, t.ofUnits(formatNumber(locale, done), formatNumber(locale, total))]);
  }
  const { collection } = job;
  if (collection) {
    const link = (
      <Link key="collection" href={collectionPath(collection)}>
        {collection}
      </Link>
    );
    facts.push([t.collection, shared ? collection : link]);
  }
  facts.push([t.facts.added, formatTime(locale, job.created_at)]);
  if (started_at && finished_at) {
    const seconds = (Date.parse(finished_at) - Date.parse(started_at)) / 1000;
    facts.push([t.facts.took, formatDuration(locale, seconds)]);
  }
  if (batch && !shared) {
    facts.push([
      t.facts.batch,
      <Link key="batch" href={`/?batch=${batch}`}>
        {t.batchNamed(batch.slice(-6))}
      </Link>,
    ]);
  }
  facts.push([t.facts.id, <code key="id">{job.id}</code>]);

  return (
    <section className="card padded">
      <h2>{t.details}</h2>
      <dl className="facts">
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
