/** How documents are worked on: pipeline, collection, pages, password, formats. Enters and leaves: settings. */
import type { Format, JobOptions } from "@milepost/client";
import { useId } from "react";
import { CollectionField } from "../collections/collection-field";
import { useTexts } from "../texts/texts";
import type { UploadSettings } from "./settings";

interface OptionsFormProps {
  readonly pipelines: readonly string[];
  readonly formats: readonly string[];
  readonly settings: UploadSettings;
  readonly onChange: (settings: UploadSettings) => void;
}

/** Options without the empty ones, which the server would refuse. */
function withOption(
  options: JobOptions,
  change: Partial<Record<keyof JobOptions, unknown>>,
): JobOptions {
  const merged = { ...options, ...change };
  return Object.fromEntries(
    Object.entries(merged).filter(([, value]) => value !== "" && value !== undefined),
  );
}

export function OptionsForm({ pipelines, formats, settings, onChange }: OptionsFormProps) {
  const t = useTexts();
  const id = useId();
  const { pipeline, options, collection = "" } = settings;
  const set = (change: Partial<Record<keyof JobOptions, unknown>>): void =>
    onChange({ ...settings, options: withOption(options, change) });
  const chosen = options.formats ?? (formats as readonly Format[]);

  return (
    <div className="options-form">
      <div className="field">
        <label htmlFor={`${id}-pipeline`}>{t.pipeline}</label>
        <select
          id={`${id}-pipeline`}
          className="input"
          value={pipeline}
          onChange={({ target }) => {
            // Formats are those of a conversion; the others refuse them.
            onChange({
              ...settings,
              pipeline: target.value,
              options: withOption(options, { formats: undefined }),
            });
          }}
        >
          {pipelines
            .filter((name) => name !== "external")
            .map((name) => (
              <option key={name} value={name}>
                {t.pipelines[name] ?? name}
              </option>
            ))}
        </select>
      </div>
      {pipeline === "ingest" && (
        <CollectionField
          value={collection}
          onChange={(name) => onChange({ ...settings, collection: name })}
        />
      )}
      <div className="field">
        <label htmlFor={`${id}-pages`}>{t.pages}</label>
        <input
          id={`${id}-pages`}
          className="input"
          value={options.pages ?? ""}
          placeholder={t.pagesHint}
          onChange={({ target }) => set({ pages: target.value })}
        />
      </div>
      <div className="field">
        <label htmlFor={`${id}-password`}>{t.password}</label>
        <input
          id={`${id}-password`}
          className="input"
          type="password"
          autoComplete="off"
          value={options.password ?? ""}
          onChange={({ target }) => set({ password: target.value })}
        />
      </div>
      {pipeline === "convert" && formats.length > 0 && (
        <fieldset className="field">
          <legend className="label">{t.formats}</legend>
          <div className="row">
            {(formats as readonly Format[]).map((format) => (
              <label key={format} className="check">
                <input
                  type="checkbox"
                  checked={chosen.includes(format)}
                  // One at least: without any there would be no result.
                  disabled={chosen.length === 1 && chosen[0] === format}
                  onChange={({ target }) => {
                    const next = target.checked
                      ? [...chosen, format]
                      : chosen.filter((other) => other !== format);
                    set({ formats: next.length === formats.length ? undefined : next });
                  }}
                />
                {t.formatNames[format] ?? format}
              </label>
            ))}
          </div>
        </fieldset>
      )}
    </div>
  );
}
