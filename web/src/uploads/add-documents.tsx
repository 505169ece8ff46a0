/**
 * Where documents are added: files, an address, and how they are worked on. Enters: a choice.
 * Leaves: sources for the uploads. Dropping and pasting are taken anywhere; see `drop-anywhere`.
 */
import { type FormEvent, useId, useRef, useState } from "react";
import { useSession } from "../session/session";
import { useTexts } from "../texts/texts";
import { Icon } from "../ui/icons";
import { OptionsForm } from "./options-form";
import { useUploads } from "./uploads";

export function AddDocuments({ compact }: { compact: boolean }) {
  const t = useTexts();
  const { add, settings, setSettings } = useUploads();
  const { info } = useSession();
  const input = useRef<HTMLInputElement>(null);
  const hint = useId();

  return (
    <section className="add" aria-label={t.addDocuments}>
      <button
        type="button"
        className={compact ? "drop-zone compact" : "drop-zone"}
        data-shortcut="u"
        aria-describedby={hint}
        onClick={() => input.current?.click()}
      >
        <Icon name="upload" />
        <span className="drop-label">{t.choose}</span>
      </button>
      <p id={hint} className="hint add-hint">
        {t.chooseHint}
      </p>
      <input
        ref={input}
        type="file"
        multiple
        hidden
        aria-label={t.choose}
        onChange={(event) => {
          const { files } = event.target;
          if (files?.length) add([...files]);
          // So that the same file can be chosen again.
          event.target.value = "";
        }}
      />
      {info?.fetch_by_url && <AddressField onAdd={(url) => add([{ url }])} />}
      <details className="options">
        <summary>
          <Icon name="settings" />
          {t.options}
          {settings.pipeline !== "convert" && (
            <span className="soft">{t.pipelines[settings.pipeline] ?? settings.pipeline}</span>
          )}
        </summary>
        <OptionsForm
          pipelines={info?.pipelines ?? ["convert"]}
          formats={info?.formats ?? []}
          settings={settings}
          onChange={setSettings}
        />
      </details>
    </section>
  );
}

function AddressField({ onAdd }: { onAdd: (url: string) => void }) {
  const t = useTexts();
  const [address, setAddress] = useState("");
  const [wrong, setWrong] = useState(false);
  const field = useId();

  function submit(event: FormEvent): void {
    event.preventDefault();
    const trimmed = address.trim();
    const fits = URL.canParse(trimmed) && /^https?:$/.test(new URL(trimmed).protocol);
    setWrong(!fits);
    if (!fits) return;
    onAdd(trimmed);
    setAddress("");
  }

  return (
    <form className="address" onSubmit={submit} noValidate>
      <label htmlFor={field} className="label">
        {t.byUrl}
      </label>
      <div className="row">
        <input
          id={field}
          className="input grow"
          type="url"
          inputMode="url"
          placeholder={t.urlPlaceholder}
          value={address}
          onChange={(event) => setAddress(event.target.value)}
          aria-invalid={wrong}
          aria-describedby={wrong ? `${field}-wrong` : undefined}
        />
        <button type="submit" className="button">
          {t.fetchIt}
        </button>
      </div>
      {wrong && (
        <p id={`${field}-wrong`} className="hint wrong" role="alert">
          {t.urlWrong}
        </p>
      )}
    </form>
  );
}
