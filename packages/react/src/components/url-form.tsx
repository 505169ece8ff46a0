"use client";
/**
 * A field for a document's address.
 *
 * Enters: what is typed. Leaves: an http or https address. Never: fetches it; the server does.
 */

import { type FormEvent, type ReactNode, useId, useState } from "react";
import { useTexts } from "../provider.js";
import { addressOf } from "../source.js";

/** Submits documents by their addresses. */
export function UrlForm({ onUrl }: { onUrl: (url: string) => void }): ReactNode {
  const texts = useTexts();
  const problem = useId();
  const [text, setText] = useState("");
  const [wrong, setWrong] = useState(false);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const url = addressOf(text);
    setWrong(url === undefined);
    if (url === undefined) return;
    setText("");
    onUrl(url);
  };
  return (
    <form className="mp-url" noValidate onSubmit={submit}>
      <input
        type="url"
        className="mp-input"
        aria-label={texts["drop.url"]}
        placeholder={texts["drop.url"]}
        aria-invalid={wrong}
        aria-describedby={wrong ? problem : undefined}
        value={text}
        onChange={(event) => setText(event.target.value)}
      />
      <button type="submit" className="mp-button">
        {texts["drop.add"]}
      </button>
      {wrong && (
        <p id={problem} className="mp-error" role="alert">
          {texts["drop.url.wrong"]}
        </p>
      )}
    </form>
  );
}
