"use client";
/**
 * Where files are dropped or chosen.
 *
 * Enters: a pointer or keys. Leaves: files. Never: a folder, which a browser cannot send as a file.
 */

import { type DragEvent, type ReactNode, useId, useRef, useState } from "react";
import { useFormat, useTexts } from "../provider.js";

/** Props of `DropZone`. */
export interface DropZoneProps {
  accept: string | undefined;
  /** Bytes that the server takes at most. */
  limit: number | undefined;
  /** Whether to say that one can paste, too. */
  pastes: boolean;
  onFiles: (files: readonly File[]) => void;
}

/** A button that is a drop zone, too. */
export function DropZone({ accept, limit, pastes, onFiles }: DropZoneProps): ReactNode {
  const texts = useTexts();
  const format = useFormat();
  const hint = useId();
  const input = useRef<HTMLInputElement>(null);
  // Entering a child comes before leaving its parent, so they are counted.
  const [depth, setDepth] = useState(0);
  const hints = [
    pastes ? texts["drop.paste"] : "",
    limit === undefined ? "" : format.fill(texts["drop.limit"], { size: format.bytes(limit) }),
  ];

  const over = (event: DragEvent) => {
    if (!event.dataTransfer.types.includes("Files")) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "copy";
  };
  const drop = (event: DragEvent) => {
    event.preventDefault();
    setDepth(0);
    const files = filesOf(event.dataTransfer);
    if (files.length > 0) onFiles(files);
  };
  const chosen = (element: HTMLInputElement) => {
    const files = Array.from(element.files ?? []);
    // So that the same file can be chosen again.
    element.value = "";
    if (files.length > 0) onFiles(files);
  };

  return (
    <>
      <button
        type="button"
        className="mp-drop"
        data-dragging={depth > 0 || undefined}
        aria-describedby={hint}
        onClick={() => input.current?.click()}
        onDragEnter={() => setDepth((n) => n + 1)}
        onDragLeave={() => setDepth((n) => Math.max(0, n - 1))}
        onDragOver={over}
        onDrop={drop}
      >
        <span className="mp-drop-symbol" aria-hidden="true">
          📥
        </span>
        <span className="mp-drop-label">{texts["drop.label"]}</span>
      </button>
      <p id={hint} className="mp-drop-hint">
        {hints.filter(Boolean).join(" ")}
      </p>
      <input
        ref={input}
        type="file"
        multiple
        hidden
        accept={accept}
        aria-label={texts["drop.label"]}
        onChange={(event) => chosen(event.currentTarget)}
      />
    </>
  );
}

/** The files of what was dropped or pasted, without folders. */
export function filesOf(data: DataTransfer): File[] {
  const items = Array.from(data.items ?? []);
  if (items.length === 0) return Array.from(data.files);
  return items.flatMap((item) => {
    if (item.kind !== "file" || item.webkitGetAsEntry?.()?.isDirectory) return [];
    const file = item.getAsFile();
    return file === null ? [] : [file];
  });
}
