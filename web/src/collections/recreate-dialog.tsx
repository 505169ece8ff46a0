/**
 * Makes a collection anew from its stored documents, with other settings. Enters: the collection.
 * Leaves: one job, during which the present collection is searched.
 */
import type {
  Collection,
  CollectionDocument,
  CollectionWish,
  MilepostError,
} from "@milepost/client";
import { useMilepost } from "@milepost/react";
import { type FormEvent, useState } from "react";
import { formatNumber } from "../preferences/format";
import { useLocale } from "../preferences/preferences";
import { useTexts } from "../texts/texts";
import { Dialog } from "../ui/dialog";
import { Icon } from "../ui/icons";
import { Failure } from "../ui/states";
import { useLoad } from "../ui/use-load";
import { MOST, remakeOf } from "./recreate";
import { SettingsForm } from "./settings-form";

interface RecreateDialogProps {
  readonly collection: Collection | undefined;
  readonly onClose: () => void;
}

/** Names of documents that one sentence holds. */
const NAMED = 3;

export function RecreateDialog({ collection, onClose }: RecreateDialogProps) {
  const t = useTexts();
  return (
    <Dialog
      open={collection !== undefined}
      title={t.recreateTitle(collection?.name ?? "")}
      onClose={onClose}
    >
      {collection && <Fields collection={collection} onClose={onClose} />}
    </Dialog>
  );
}

function Fields({ collection, onClose }: { collection: Collection; onClose: () => void }) {
  const t = useTexts();
  const locale = useLocale();
  const client = useMilepost();
  const { name, chunker, embedder, documents, updated_at } = collection;
  const [wish, setWish] = useState<CollectionWish>({ chunker, embedder });
  const [refused, setRefused] = useState<string>();
  const [busy, setBusy] = useState(false);
  const tooMany = documents > MOST;

  const { value, error, reload } = useLoad(
    tooMany ? undefined : `${name} ${updated_at}`,
    async (signal) => {
      const all: CollectionDocument[] = [];
      let cursor: string | null | undefined;
      do {
        const page = await client.collections.documents(name, {
          limit: 200,
          signal,
          ...(cursor && { cursor }),
        });
        all.push(...page.items);
        cursor = page.next;
      } while (cursor && all.length <= MOST);
      return remakeOf(all);
    },
  );
  const nothing = value?.sources.length === 0;

  async function submit(event: FormEvent): Promise<void> {
    event.preventDefault();
    if (!value) return;
    setRefused(undefined);
    setBusy(true);
    try {
      await client.ingest(value.sources, {
        collection: name,
        options: {
          force_recreate: true,
          ...(wish.chunker && { chunker: wish.chunker }),
          ...(wish.embedder && { embedder: wish.embedder }),
        },
      });
      onClose();
    } catch (caught) {
      setRefused((caught as MilepostError).message);
      setBusy(false);
    }
  }

  if (tooMany) return <p>{t.recreateMany(formatNumber(locale, MOST))}</p>;
  if (nothing) return <p>{t.recreateNothing}</p>;
  return (
    <form className="stack" onSubmit={submit}>
      <p>{t.recreateHint(t.documentCount(formatNumber(locale, documents)))}</p>
      {error && <Failure error={error} onRetry={reload} />}
      {!value && !error && <p className="soft">{t.reading}</p>}
      {value && value.lost.length > 0 && (
        <div className="notice warn">
          <Icon name="alert" />
          <div className="grow">
            {t.recreateLost(
              value.lost.length,
              value.lost
                .slice(0, NAMED)
                .map(({ filename }) => filename)
                .join(", "),
            )}
          </div>
        </div>
      )}
      <SettingsForm wish={wish} onChange={setWish} />
      {refused && (
        <p className="notice bad" role="alert">
          {refused}
        </p>
      )}
      <div className="row end">
        <button type="button" className="button" onClick={onClose}>
          {t.goBack}
        </button>
        <button type="submit" className="button primary" disabled={busy || !value}>
          {t.recreateStart}
        </button>
      </div>
    </form>
  );
}
