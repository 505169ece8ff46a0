/** Search and filters over the list. Enters and leaves: a filter. */
import { useEffect, useId, useState } from "react";
import { useSession } from "../session/session";
import { useTexts } from "../texts/texts";
import { Icon } from "../ui/icons";
import { type ListFilter, STATUS_FILTERS } from "./filter";

/** ms of rest after a key before the server is asked. */
const PAUSE = 250;

interface ToolbarProps {
  readonly filter: ListFilter;
  readonly onChange: (change: Partial<ListFilter>) => void;
}

export function Toolbar({ filter, onChange }: ToolbarProps) {
  const t = useTexts();
  const { info } = useSession();
  const pipeline = useId();
  return (
    <search className="toolbar">
      <SearchField value={filter.q} onChange={(q) => onChange({ q })} />
      <fieldset className="segments">
        <legend className="visually-hidden">{t.filterStatus}</legend>
        {STATUS_FILTERS.map((status) => (
          <label key={status} className={status === filter.status ? "segment on" : "segment"}>
            <input
              type="radio"
              name="status"
              className="visually-hidden"
              checked={status === filter.status}
              onChange={() => onChange({ status })}
            />
            {t.filters[status]}
          </label>
        ))}
      </fieldset>
      <label htmlFor={pipeline} className="visually-hidden">
        {t.pipeline}
      </label>
      <select
        id={pipeline}
        className="input pipeline-filter"
        value={filter.pipeline}
        onChange={({ target }) => onChange({ pipeline: target.value })}
      >
        <option value="">{t.anyPipeline}</option>
        {(info?.pipelines ?? ["convert"]).map((name) => (
          <option key={name} value={name}>
            {t.pipelines[name] ?? name}
          </option>
        ))}
      </select>
    </search>
  );
}

function SearchField({ value, onChange }: { value: string; onChange: (text: string) => void }) {
  const t = useTexts();
  const [text, setText] = useState(value);
  const [given, setGiven] = useState(value);
  // The address changed by other means: back, or "clear the filters".
  if (value !== given) {
    setGiven(value);
    setText(value);
  }
  useEffect(() => {
    if (text === value) return;
    const timer = setTimeout(() => onChange(text), PAUSE);
    return () => clearTimeout(timer);
  }, [text, value, onChange]);

  return (
    <div className="search-field">
      <Icon name="search" />
      <input
        type="search"
        className="input"
        data-shortcut="/"
        aria-label={t.search}
        placeholder={t.search}
        value={text}
        onChange={({ target }) => setText(target.value)}
      />
    </div>
  );
}
