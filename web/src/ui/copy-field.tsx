/** A value to be copied. Enters: it. Leaves: the clipboard; without one, the text is selected. */
import { useId, useRef, useState } from "react";
import { useTexts } from "../texts/texts";
import { Icon } from "./icons";

export function CopyField({ label, value }: { label: string; value: string }) {
  const t = useTexts();
  const id = useId();
  const input = useRef<HTMLInputElement>(null);
  const [copied, setCopied] = useState<string>();

  async function copy(): Promise<void> {
    input.current?.select();
    // Refused without https or a permission: the text is selected, to be copied by hand.
    const done = await navigator.clipboard?.writeText(value).then(
      () => true,
      () => false,
    );
    if (done) setCopied(value);
  }

  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <div className="row nowrap">
        <input ref={input} id={id} className="input mono grow" readOnly value={value} />
        <button type="button" className="button" onClick={() => void copy()}>
          <Icon name={copied === value ? "check" : "copy"} />
          <span aria-live="polite">{copied === value ? t.copied : t.copy}</span>
        </button>
      </div>
    </div>
  );
}
