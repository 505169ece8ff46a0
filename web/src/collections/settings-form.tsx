/**
 * What is settled of a collection: what it is searched by, and how its documents are cut. Enters
 * and leaves: the wish; what is left empty is the server's choice.
 */
import type { Chunker, CollectionWish } from "@milepost/client";
import { useId } from "react";
import { useTexts } from "../texts/texts";
import { useEmbedders } from "./use-embedders";

interface SettingsFormProps {
  readonly wish: CollectionWish;
  readonly onChange: (wish: CollectionWish) => void;
}

/** The value of the choice that no embedder can be called: names have no blanks around them. */
const NONE = " ";

const KINDS = ["hybrid", "hierarchical", "markdown"] as const;
/** What the server allows, and takes where nothing is said. */
const SIZES = {
  characters: { min: 100, max: 20_000, usual: 1000 },
  tokens: { min: 16, max: 8192, usual: 256 },
} as const;
const UNITS = ["characters", "tokens"] as const;

/** A chunker with another setting; what is not set is left out, which the server then chooses. */
function withSetting(
  chunker: Chunker | undefined,
  change: Partial<Record<keyof Chunker, unknown>>,
): Chunker | undefined {
  const all = Object.entries({ ...chunker, ...change });
  const set = all.filter(([, value]) => value !== "" && value != null);
  return set.length > 0 ? (Object.fromEntries(set) as Chunker) : undefined;
}

export function SettingsForm({ wish, onChange }: SettingsFormProps) {
  const t = useTexts();
  const { embedders, embedder: usual } = useEmbedders();
  const id = useId();
  const { chunker, embedder } = wish;
  const sizes = SIZES[chunker?.unit ?? "characters"];
  const most = chunker?.max ?? sizes.usual;
  const set = (change: Partial<Record<keyof Chunker, unknown>>): void => {
    const { chunker: _, ...others } = wish;
    const next = withSetting(chunker, change);
    onChange(next ? { ...others, chunker: next } : others);
  };
  const number = (text: string): number | undefined => (text === "" ? undefined : Number(text));

  return (
    <>
      {embedders.length > 0 ? (
        <div className="field">
          <label htmlFor={`${id}-embedder`}>{t.embedder}</label>
          <select
            id={`${id}-embedder`}
            className="input"
            aria-describedby={`${id}-embedder-hint`}
            value={embedder === null ? NONE : (embedder ?? "")}
            onChange={({ target }) => {
              const { embedder: _, ...others } = wish;
              if (target.value === "") return onChange(others);
              onChange({ ...others, embedder: target.value === NONE ? null : target.value });
            }}
          >
            <option value="">{t.embedderOwn(usual ?? t.wordsOnly)}</option>
            <option value={NONE}>{t.embedderNone}</option>
            {embedders.map((name) => (
              <option key={name} value={name}>
                {t.embedderNamed(name)}
              </option>
            ))}
          </select>
          <p id={`${id}-embedder-hint`} className="hint">
            {t.embedderHint}
          </p>
        </div>
      ) : (
        <p className="hint">{t.noEmbedders}</p>
      )}
      <fieldset className="stack">
        <legend className="label">{t.cutting}</legend>
        <select
          className="input"
          aria-label={t.cutting}
          value={chunker?.kind ?? ""}
          onChange={({ target }) => set({ kind: target.value })}
        >
          <option value="">{t.cutDefault}</option>
          {KINDS.map((kind) => (
            <option key={kind} value={kind}>
              {t.chunkers[kind]}
            </option>
          ))}
        </select>
        <div className="thirds">
          <div className="field">
            <label htmlFor={`${id}-max`}>{t.cutSize}</label>
            <input
              id={`${id}-max`}
              className="input"
              type="number"
              min={sizes.min}
              max={sizes.max}
              placeholder={String(sizes.usual)}
              value={chunker?.max ?? ""}
              onChange={({ target }) => {
                const max = number(target.value);
                // An overlap of half a passage or more would be refused.
                const tooMuch = (chunker?.overlap ?? 0) * 2 >= (max ?? sizes.usual);
                set({ max, ...(tooMuch && { overlap: undefined }) });
              }}
            />
          </div>
          <div className="field">
            <label htmlFor={`${id}-overlap`}>{t.cutOverlap}</label>
            <input
              id={`${id}-overlap`}
              className="input"
              type="number"
              min={0}
              max={Math.ceil(most / 2) - 1}
              placeholder={String(Math.floor(most / 10))}
              value={chunker?.overlap ?? ""}
              onChange={({ target }) => set({ overlap: number(target.value) })}
            />
          </div>
          <div className="field">
            <label htmlFor={`${id}-unit`}>{t.cutUnit}</label>
            <select
              id={`${id}-unit`}
              className="input"
              value={chunker?.unit ?? "characters"}
              onChange={({ target }) =>
                set(
                  target.value === "tokens"
                    ? { unit: "tokens", tokenizer: embedder ? "embedder" : "cl100k_base" }
                    : { unit: undefined, tokenizer: undefined },
                )
              }
            >
              {UNITS.map((unit) => (
                <option key={unit} value={unit}>
                  {t.cutUnits[unit]}
                </option>
              ))}
            </select>
          </div>
        </div>
        {chunker?.unit === "tokens" && (
          <div className="field">
            <label htmlFor={`${id}-tokenizer`}>{t.tokenizer}</label>
            <select
              id={`${id}-tokenizer`}
              className="input"
              value={chunker.tokenizer ?? "cl100k_base"}
              onChange={({ target }) => set({ tokenizer: target.value })}
            >
              {Object.entries(t.tokenizers).map(([value, text]) => (
                <option key={value} value={value}>
                  {text}
                </option>
              ))}
            </select>
          </div>
        )}
      </fieldset>
    </>
  );
}
