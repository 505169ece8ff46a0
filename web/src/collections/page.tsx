/** One's own collections: what is in each, what it is searched by; to make one, to delete one. */
import type { Collection } from "@milepost/client";
import { useCollections } from "@milepost/react/search";
import { useState } from "react";
import { Link } from "wouter";
import { formatAge, formatBytes, formatNumber, formatTime } from "../preferences/format";
import { useLocale } from "../preferences/preferences";
import { useTexts } from "../texts/texts";
import { Icon } from "../ui/icons";
import { Empty, Failure, Skeleton } from "../ui/states";
import { useBackOnline } from "../ui/use-back-online";
import { useNow } from "../ui/use-now";
import { useTitle } from "../ui/use-title";
import { collectionPath } from "./address";
import { DeleteDialog } from "./delete-dialog";
import { NewCollection } from "./new-collection";
import "../styles/collections.css";

export default function CollectionsPage() {
  const t = useTexts();
  const { collections, loading, error, hasMore, loadMore, refresh } = useCollections({
    limit: 100,
  });
  const [making, setMaking] = useState(false);
  const [deleting, setDeleting] = useState<Collection>();
  useTitle(t.collections);
  useBackOnline(error, refresh);
  const nothing = collections.length === 0;

  return (
    <div className="stack">
      <div className="row">
        <div className="grow">
          <h1>{t.collections}</h1>
          <p className="hint">{t.collectionsHint}</p>
        </div>
        <button type="button" className="button primary" onClick={() => setMaking(true)}>
          <Icon name="plus" />
          {t.newCollection}
        </button>
      </div>
      {error && <Failure error={error} onRetry={refresh} />}
      {nothing && loading && <Skeleton lines={4} tall />}
      {nothing && !loading && !error && (
        <Empty icon="collection" title={t.noCollections}>
          <p>{t.noCollectionsHint}</p>
        </Empty>
      )}
      {!nothing && <Shelf collections={collections} onDelete={setDeleting} />}
      {hasMore && (
        <button type="button" className="button" disabled={loading} onClick={loadMore}>
          {t.moreDocuments}
        </button>
      )}
      <NewCollection open={making} onClose={() => setMaking(false)} />
      <DeleteDialog
        collection={deleting}
        onClose={() => setDeleting(undefined)}
        onDeleted={() => {
          setDeleting(undefined);
          refresh();
        }}
      />
    </div>
  );
}

interface ShelfProps {
  readonly collections: readonly Collection[];
  readonly onDelete: (collection: Collection) => void;
}

function Shelf({ collections, onDelete }: ShelfProps) {
  const t = useTexts();
  const locale = useLocale();
  const now = useNow();
  const { collectionColumns: columns } = t;
  return (
    <table className="card shelf of-collections" aria-label={t.collections}>
      <thead>
        <tr>
          {(["name", "documents", "passages", "size", "searched", "updated"] as const).map((id) => (
            <th key={id} scope="col" className={id}>
              {columns[id]}
            </th>
          ))}
          <th scope="col" className="actions">
            <span className="visually-hidden">{columns.actions}</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {collections.map((collection) => {
          const { name, documents, chunks, bytes, embedder, updated_at } = collection;
          return (
            <tr key={name}>
              <td className="name">
                <Link href={collectionPath(name)} className="job-link" data-row-link="">
                  {name}
                </Link>
              </td>
              <td className="documents numeric">
                {formatNumber(locale, documents)} <span className="unit">{columns.documents}</span>
              </td>
              <td className="passages numeric">
                {formatNumber(locale, chunks)} <span className="unit">{columns.passages}</span>
              </td>
              <td className="size numeric">{formatBytes(locale, bytes)}</td>
              <td className="searched">{embedder ? t.byEmbedder(embedder) : t.wordsOnly}</td>
              <td className="updated">
                <time dateTime={updated_at} title={formatTime(locale, updated_at)}>
                  {formatAge(locale, updated_at, now)}
                </time>
              </td>
              <td className="actions">
                <button
                  type="button"
                  className="button quiet icon"
                  title={t.delete}
                  onClick={() => onDelete(collection)}
                >
                  <Icon name="trash" />
                  <span className="visually-hidden">{t.deleteCollectionNamed(name)}</span>
                </button>
              </td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}
