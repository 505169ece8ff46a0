/** Makes an API key. Leaves: the key, shown once; it is kept nowhere, here neither. */
import type { MilepostError } from "@milepost/client";
import { useMilepost } from "@milepost/react";
import { type FormEvent, useId, useState } from "react";
import { useTexts } from "../texts/texts";
import { CopyField } from "../ui/copy-field";
import { Dialog } from "../ui/dialog";
import { Icon } from "../ui/icons";

const SCOPES = ["submit", "read", "cancel", "work", "read_all", "admin"] as const;
const USUAL = ["submit", "read", "cancel", "work"];

export function NewKey({ onCreated }: { onCreated: () => void }) {
  const t = useTexts();
  const [open, setOpen] = useState(false);
  return (
    <>
      <button type="button" className="button primary" onClick={() => setOpen(true)}>
        <Icon name="key" />
        {t.createKey}
      </button>
      <Dialog open={open} title={t.createKey} onClose={() => setOpen(false)}>
        <NewKeyForm onCreated={onCreated} />
      </Dialog>
    </>
  );
}

function NewKeyForm({ onCreated }: { onCreated: () => void }) {
  const t = useTexts();
  const id = useId();
  const client = useMilepost();
  const [name, setName] = useState("");
  const [owner, setOwner] = useState("");
  const [scopes, setScopes] = useState<readonly string[]>(USUAL);
  const [seconds, setSeconds] = useState(0);
  const [made, setMade] = useState<string>();
  const [error, setError] = useState<string>();

  async function submit(event: FormEvent): Promise<void> {
    event.preventDefault();
    setError(undefined);
    try {
      const { key } = await client.keys.create({
        name: name.trim(),
        scopes,
        ...(owner.trim() ? { owner: owner.trim() } : {}),
        ...(seconds > 0 ? { expiresIn: seconds } : {}),
      });
      setMade(key);
      onCreated();
    } catch (caught) {
      setError((caught as MilepostError).message);
    }
  }

  if (made !== undefined) {
    return (
      <>
        <p className="notice good">{t.keyCreated}</p>
        <CopyField label={name} value={made} />
      </>
    );
  }
  return (
    <form className="stack" onSubmit={submit}>
      <div className="field">
        <label htmlFor={`${id}-name`}>{t.keyName}</label>
        <input
          id={`${id}-name`}
          className="input"
          required
          maxLength={100}
          value={name}
          onChange={({ target }) => setName(target.value)}
        />
      </div>
      <div className="field">
        <label htmlFor={`${id}-owner`}>{t.keyOwner}</label>
        <input
          id={`${id}-owner`}
          className="input"
          aria-describedby={`${id}-owner-hint`}
          value={owner}
          onChange={({ target }) => setOwner(target.value)}
        />
        <p id={`${id}-owner-hint`} className="hint">
          {t.keyOwnerHint}
        </p>
      </div>
      <fieldset className="field">
        <legend className="label">{t.keyScopes}</legend>
        <div className="row">
          {SCOPES.map((scope) => (
            <label key={scope} className="check">
              <input
                type="checkbox"
                checked={scopes.includes(scope)}
                onChange={({ target }) =>
                  setScopes((before) =>
                    SCOPES.filter((one) => (one === scope ? target.checked : before.includes(one))),
                  )
                }
              />
              {t.scopes[scope]}
            </label>
          ))}
        </div>
      </fieldset>
      <div className="field">
        <label htmlFor={`${id}-ends`}>{t.keyEnds}</label>
        <select
          id={`${id}-ends`}
          className="input"
          value={seconds}
          onChange={({ target }) => setSeconds(Number(target.value))}
        >
          {t.keyDurations.map(([value, text]) => (
            <option key={value} value={value}>
              {text}
            </option>
          ))}
        </select>
      </div>
      {error && (
        <p className="notice bad" role="alert">
          {error}
        </p>
      )}
      <div className="row end">
        <button
          type="submit"
          className="button primary"
          disabled={name.trim() === "" || scopes.length === 0}
        >
          {t.createKey}
        </button>
      </div>
    </form>
  );
}
