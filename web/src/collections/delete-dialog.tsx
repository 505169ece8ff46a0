/** Asks before a collection is deleted, and names what is lost. Leaves: the deletion. */
import type { Collection, MilepostError } from "@milepost/client";
import { useMilepost } from "@milepost/react";
import { useState } from "react";
import { formatNumber } from "../preferences/format";
import { useLocale } from "../preferences/preferences";
import { useTexts } from "../texts/texts";
import { Dialog } from "../ui/dialog";

interface DeleteDialogProps {
  /** Which; nothing is asked where it is `undefined`. */
  readonly collection: Collection | undefined;
  readonly onClose: () => void;
  readonly onDeleted: () => void;
}

export function DeleteDialog({ collection, onClose, onDeleted }: DeleteDialogProps) {
  const t = useTexts();
  const locale = useLocale();
  const client = useMilepost();
  const [error, setError] = useState<string>();
  const close = (): void => {
    setError(undefined);
    onClose();
  };

  async function remove({ name }: Collection): Promise<void> {
    setError(undefined);
    try {
      await client.collections.remove(name);
      onDeleted();
    } catch (caught) {
      setError((caught as MilepostError).message);
    }
  }

  return (
    <Dialog
      open={collection !== undefined}
      title={t.deleteCollectionTitle(collection?.name ?? "")}
      onClose={close}
    >
      {collection && (
        <>
          <p>
            {t.deleteCollectionHint(
              t.documentCount(formatNumber(locale, collection.documents)),
              t.passageCount(formatNumber(locale, collection.chunks)),
            )}
          </p>
          {error && (
            <p className="notice bad" role="alert">
              {error}
            </p>
          )}
          <div className="row end">
            <button type="button" className="button" onClick={close}>
              {t.keep}
            </button>
            <button type="button" className="button danger" onClick={() => void remove(collection)}>
              {t.deleteCollection}
            </button>
          </div>
        </>
      )}
    </Dialog>
  );
}
