/** Into which collection. Enters and leaves: a name; those that there are can be chosen. */
import { useCollections } from "@milepost/react/search";
import { useId } from "react";
import { useTexts } from "../texts/texts";

interface CollectionFieldProps {
  readonly value: string;
  readonly onChange: (name: string) => void;
}

export function CollectionField({ value, onChange }: CollectionFieldProps) {
  const t = useTexts();
  const id = useId();
  const { collections } = useCollections({ limit: 200 });
  return (
    <div className="field">
      <label htmlFor={id}>{t.intoCollection}</label>
      <input
        id={id}
        className="input"
        list={`${id}-known`}
        maxLength={200}
        autoComplete="off"
        placeholder="default"
        aria-describedby={`${id}-hint`}
        value={value}
        onChange={({ target }) => onChange(target.value)}
      />
      <datalist id={`${id}-known`}>
        {collections.map(({ name }) => (
          <option key={name} value={name} />
        ))}
      </datalist>
      <p id={`${id}-hint`} className="hint">
        {t.collectionHint}
      </p>
    </div>
  );
}
