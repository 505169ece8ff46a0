/**
 * One collection: what it is like, a search in it, what is put into it, and its documents. It is
 * up to date while documents come in.
 */
import type { Collection } from "@milepost/client";
import { useCollection } from "@milepost/react/search";
import { type ReactNode, useState } from "react";
import { Link, useLocation, useSearchParams } from "wouter";
import { formatBytes, formatNumber, formatTime } from "../preferences/format";
import { useLocale } from "../preferences/preferences";
import { askedOf } from "../search/address";
import { Finder } from "../search/finder";
import { useTexts } from "../texts/texts";
import { Icon } from "../ui/icons";
import { Empty, Failure, Skeleton } from "../ui/states";
import { useBackOnline } from "../ui/use-back-online";
import { useTitle } from "../ui/use-title";
import { OutboxPanel } from "../uploads/outbox-panel";
import { AddInto } from "./add-into";
import { Coming, useComing } from "./coming";
import { DeleteDialog } from "./delete-dialog";
import { Documents } from "./documents";
import { RecreateDialog } from "./recreate-dialog";
import "../styles/collections.css";
import "../styles/job.css";

type Open = "delete" | "recreate" | undefined;

export default function CollectionView({ name }: { name: string }) {
  const t = useTexts();
  const [, navigate] = useLocation();
  const [query] = useSearchParams();
  const view = useCollection(name, { limit: 100 });
  const { collection, documents, loading, error, hasMore, loadMore, refresh } = view;
  const { coming, some } = useComing(name, refresh);
  const [open, setOpen] = useState<Open>();
  useTitle(name);
  useBackOnline(error, refresh);
  const close = (): void => setOpen(undefined);
  const gone = error?.code === "not_found";
  const searching = askedOf(query).q !== "";

  // The first document that is put into it makes it.
  if (gone && !some) return <Gone />;
  const nothing = documents.length === 0;

  return (
    <div className="stack">
      <header>
        <Link href="/app/collections" className="back">
          <Icon name="back" />
          {t.collections}
        </Link>
        <div className="job-title">
          <h1>{name}</h1>
          {collection && (
            <div className="row job-actions">
              <button type="button" className="button" onClick={() => setOpen("recreate")}>
                <Icon name="again" />
                {t.recreate}
              </button>
              <button type="button" className="button danger" onClick={() => setOpen("delete")}>
                <Icon name="trash" />
                {t.delete}
              </button>
            </div>
          )}
        </div>
        {collection && <Facts collection={collection} />}
      </header>
      {error && !gone && <Failure error={error} onRetry={refresh} />}
      {(collection?.documents ?? 0) > 0 && <Finder within={collection} />}
      {/* Beneath the hits of a search, what is in the collection would only be in the way. */}
      {!searching && (
        <>
          <AddInto name={name} />
          <OutboxPanel />
          <Coming jobs={coming} />
          {nothing && loading && <Skeleton lines={4} tall />}
          {nothing && !loading && (!error || gone) && (
            <Empty icon="files" title={t.emptyCollection}>
              <p>{t.emptyCollectionHint}</p>
            </Empty>
          )}
          {!nothing && <Documents documents={documents} onRemove={view.removeDocument} />}
          {hasMore && (
            <button type="button" className="button" disabled={loading} onClick={loadMore}>
              {t.moreDocuments}
            </button>
          )}
        </>
      )}
      <DeleteDialog
        collection={open === "delete" ? collection : undefined}
        onClose={close}
        onDeleted={() => navigate("/app/collections")}
      />
      <RecreateDialog collection={open === "recreate" ? collection : undefined} onClose={close} />
    </div>
  );
}

function Facts({ collection }: { collection: Collection }) {
  const t = useTexts();
  const locale = useLocale();
  const { documents, chunks, bytes, embedder, chunker, updated_at } = collection;
  const facts: ReactNode[] = [
    t.documentCount(formatNumber(locale, documents)),
    t.passageCount(formatNumber(locale, chunks)),
    formatBytes(locale, bytes),
    embedder ? t.byEmbedder(embedder) : t.wordsOnly,
  ];
  const { max } = chunker;
  const unit = chunker.unit ?? "characters";
  if (max) facts.push(t.cutFacts(formatNumber(locale, max), t.cutUnits[unit] ?? unit));
  return (
    <p className="small soft collection-facts" title={formatTime(locale, updated_at)}>
      {facts.join(" · ")}
    </p>
  );
}

function Gone() {
  const t = useTexts();
  return (
    <Empty icon="search" title={t.collectionGone} whole>
      <p>{t.collectionGoneHint}</p>
      <Link className="button" href="/app/collections">
        {t.toCollections}
      </Link>
    </Empty>
  );
}
