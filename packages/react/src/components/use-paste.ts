"use client";
/**
 * What is pasted anywhere into the page.
 *
 * Enters: `paste` events of the document. Leaves: files, texts or addresses as sources. Never: what
 * is pasted into a field.
 */

import type { Source } from "@milepost/client";
import { useEffect } from "react";
import { useLatest } from "../hooks/use-latest.js";
import { useTexts } from "../provider.js";
import { addressOf } from "../source.js";
import { filesOf } from "./drop-zone.js";

/** Calls `onPaste` while `enabled`. An address is one where `urls` says so, else a text. */
export function usePaste(
  enabled: boolean,
  urls: boolean,
  onPaste: (sources: readonly Source[]) => void,
): void {
  const texts = useTexts();
  const latest = useLatest({ urls, onPaste, filename: texts["job.text"] });
  useEffect(() => {
    if (!enabled) return;
    const paste = (event: ClipboardEvent) => {
      if (event.clipboardData === null || event.defaultPrevented || isField(event.target)) return;
      const { urls, onPaste, filename } = latest.current;
      const sources = sourcesOf(event.clipboardData, urls, filename);
      if (sources.length === 0) return;
      event.preventDefault();
      onPaste(sources);
    };
    document.addEventListener("paste", paste);
    return () => document.removeEventListener("paste", paste);
  }, [enabled, latest]);
}

function sourcesOf(data: DataTransfer, urls: boolean, filename: string): readonly Source[] {
  const files = filesOf(data);
  if (files.length > 0) return files;
  const text = data.getData("text/plain");
  if (text.trim() === "") return [];
  const url = urls ? addressOf(text) : undefined;
  return [url === undefined ? { text, filename } : { url }];
}

function isField(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || target.closest("input, textarea, select") !== null)
  );
}
