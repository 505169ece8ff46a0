/** Makes a collection. Enters: a name and its settings. Leaves: the collection's page. */
import type { CollectionWish, MilepostError } from "@milepost/client";
import { useMilepost } from "@milepost/react";
import { type FormEvent, useId, useState } from "react";
import { useLocation } from "wouter";
import { useTexts } from "../texts/texts";
import { Dialog } from "../ui/dialog";
import { collectionPath } from "./address";
import { SettingsForm } from "./settings-form";

interface NewCollectionProps {
  readonly open: boolean;
  readonly onClose: () => void;
}

export function NewCollection({ open, onClose }: NewCollectionProps) {
  const t = useTexts();
  return (
    <Dialog open={open} title={t.newCollection} onClose={onClose}>
      <Fields onClose={onClose} />
    </Dialog>
  );
}

function Fields({ onClose }: { onClose: () => void }) {
  const t = useTexts();
  const id = useId();
  const client = useMilepost();
  const [, navigate] = useLocation();
  const [name, setName] = useState("");
  const [wish, setWish] = useState<CollectionWish>({});
  const [error, setError] = useState<string>();
  const [busy, setBusy] = useState(false);

  async function submit(event: FormEvent): Promise<void> {
    event.preventDefault();
    setError(undefined);
    setBusy(true);
    try {
      const made = await client.collections.put(name.trim(), wish);
      onClose();
      navigate(collectionPath(made.name));
    } catch (caught) {
      setError((caught as MilepostError).message);
      setBusy(false);
    }
  }

  return (
    <form className="stack" onSubmit={submit}>
      <div className="field">
        <label htmlFor={`${id}-name`}>{t.collectionName}</label>
        <input
          id={`${id}-name`}
          className="input"
          required
          maxLength={200}
          autoComplete="off"
          value={name}
          onChange={({ target }) => setName(target.value)}
        />
      </div>
      <SettingsForm wish={wish} onChange={setWish} />
      {error && (
        <p className="notice bad" role="alert">
          {error}
        </p>
      )}
      <div className="row end">
        <button type="submit" className="button primary" disabled={busy || name.trim() === ""}>
          {t.createCollection}
        </button>
      </div>
    </form>
  );
}
