/** The documents in a collection: to open one, to take one out. Enters: those loaded so far. */
import type { CollectionDocument, MilepostError } from "@milepost/client";
import { useState } from "react";
import { Link } from "wouter";
import { formatAge, formatNumber, formatTime } from "../preferences/format";
import { useLocale } from "../preferences/preferences";
import { useTexts } from "../texts/texts";
import { Dialog } from "../ui/dialog";
import { Icon } from "../ui/icons";
import { kindName } from "../ui/kinds";
import { useToast } from "../ui/toasts";
import { useNow } from "../ui/use-now";

interface DocumentsProps {
  readonly documents: readonly CollectionDocument[];
  /** Rejects with a `MilepostError`. */
  readonly onRemove: (id: string) => Promise<void>;
}

export function Documents({ documents, onRemove }: DocumentsProps) {
  const t = useTexts();
  const locale = useLocale();
  const toast = useToast();
  const [removing, setRemoving] = useState<CollectionDocument>();
  const { collectionColumns: columns } = t;

  async function remove({ id, filename }: CollectionDocument): Promise<void> {
    setRemoving(undefined);
    try {
      await onRemove(id);
      toast("good", t.removed(filename));
    } catch (caught) {
      toast("bad", (caught as MilepostError).message);
    }
  }

  return (
    <>
      <table className="card shelf of-documents" aria-label={t.documents}>
        <thead>
          <tr>
            <th scope="col" className="name">
              {columns.name}
            </th>
            <th scope="col" className="pages">
              {t.pages}
            </th>
            <th scope="col" className="passages">
              {columns.passages}
            </th>
            <th scope="col" className="updated">
              {t.columns.created}
            </th>
            <th scope="col" className="actions">
              <span className="visually-hidden">{columns.actions}</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {documents.map((document) => (
            <DocumentRow key={document.id} document={document} onRemove={setRemoving} />
          ))}
        </tbody>
      </table>
      <Dialog
        open={removing !== undefined}
        title={t.removeFromTitle(removing?.filename ?? "")}
        onClose={() => setRemoving(undefined)}
      >
        <p>{t.removeFromHint(t.passageCount(formatNumber(locale, removing?.chunks ?? 0)))}</p>
        <div className="row end">
          <button type="button" className="button" onClick={() => setRemoving(undefined)}>
            {t.keep}
          </button>
          <button
            type="button"
            className="button danger"
            onClick={() => removing && void remove(removing)}
          >
            {t.removeFrom}
          </button>
        </div>
      </Dialog>
    </>
  );
}

interface DocumentRowProps {
  readonly document: CollectionDocument;
  readonly onRemove: (document: CollectionDocument) => void;
}

function DocumentRow({ document: entry, onRemove }: DocumentRowProps) {
  const t = useTexts();
  const locale = useLocale();
  const now = useNow();
  const { document, filename, title, authors, language, media_type, pages, chunks } = entry;
  const name = title ?? filename;
  const facts = [
    title ? filename : undefined,
    authors.length > 0 ? authors.join(", ") : undefined,
    media_type ? kindName(media_type) : undefined,
    language,
  ].filter(Boolean);
  return (
    <tr>
      <td className="name">
        {document ? (
          <Link href={`/app/documents/${document}`} className="job-link" data-row-link="">
            {name}
          </Link>
        ) : (
          <strong className="one-line">{name}</strong>
        )}
        <div className="small soft one-line">{facts.join(" · ")}</div>
      </td>
      <td className="pages numeric">
        {pages == null ? "–" : formatNumber(locale, pages)} <span className="unit">{t.pages}</span>
      </td>
      <td className="passages numeric">
        {formatNumber(locale, chunks)} <span className="unit">{t.collectionColumns.passages}</span>
      </td>
      <td className="updated">
        <time dateTime={entry.indexed_at} title={formatTime(locale, entry.indexed_at)}>
          {formatAge(locale, entry.indexed_at, now)}
        </time>
      </td>
      <td className="actions">
        <button
          type="button"
          className="button quiet icon"
          title={t.removeFrom}
          onClick={() => onRemove(entry)}
        >
          <Icon name="trash" />
          <span className="visually-hidden">{t.removeFromNamed(name)}</span>
        </button>
      </td>
    </tr>
  );
}
