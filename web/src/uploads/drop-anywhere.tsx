/**
 * Takes files that are dropped or pasted anywhere in the app. Enters: the browser's events.
 * Leaves: sources, for the collection that one is looking at. Never takes what is pasted into a field.
 */
import type { Source } from "@milepost/client";
import { useEffect, useState } from "react";
import { useLocation } from "wouter";
import { collectionIn } from "../collections/address";
import { useTexts } from "../texts/texts";
import { Icon } from "../ui/icons";
import { useUploads } from "./uploads";

const hasFiles = (event: DragEvent): boolean =>
  event.dataTransfer?.types.includes("Files") ?? false;

const isField = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement &&
  target.closest("input, textarea, select, [contenteditable]") !== null;

export function DropAnywhere() {
  const t = useTexts();
  const { add } = useUploads();
  const [path, navigate] = useLocation();
  // The browser's own path: the router's is decoded half.
  const collection = path && collectionIn(location.pathname);
  const [over, setOver] = useState(false);

  useEffect(() => {
    // Each element that is entered before the last one is left counts, so depth tells the end.
    let depth = 0;
    const send = (sources: readonly Source[]): void => {
      if (collection) {
        add(sources, { pipeline: "ingest", options: {}, collection });
        return;
      }
      add(sources);
      navigate("/");
    };
    const take = (files: FileList | undefined): void => {
      if (files?.length) send([...files]);
    };
    const enter = (event: DragEvent): void => {
      if (!hasFiles(event)) return;
      depth += 1;
      setOver(true);
    };
    const leave = (event: DragEvent): void => {
      if (!hasFiles(event)) return;
      depth = Math.max(0, depth - 1);
      setOver(depth > 0);
    };
    const hold = (event: DragEvent): void => {
      if (hasFiles(event)) event.preventDefault();
    };
    const drop = (event: DragEvent): void => {
      depth = 0;
      setOver(false);
      if (event.defaultPrevented || !hasFiles(event)) return;
      event.preventDefault();
      take(event.dataTransfer?.files);
    };
    const paste = (event: ClipboardEvent): void => {
      if (isField(event.target) || !event.clipboardData) return;
      if (event.clipboardData.files.length > 0) {
        event.preventDefault();
        take(event.clipboardData.files);
        return;
      }
      const text = event.clipboardData.getData("text/plain");
      if (text.trim() === "") return;
      event.preventDefault();
      const time = new Date().toTimeString().slice(0, 5).replace(":", ".");
      send([{ text, filename: t.pastedText(time) }]);
    };
    const listeners = { dragenter: enter, dragleave: leave, dragover: hold, drop };
    for (const [name, listener] of Object.entries(listeners)) {
      document.addEventListener(name, listener as EventListener);
    }
    document.addEventListener("paste", paste);
    return () => {
      for (const [name, listener] of Object.entries(listeners)) {
        document.removeEventListener(name, listener as EventListener);
      }
      document.removeEventListener("paste", paste);
    };
  }, [add, collection, navigate, t]);

  if (!over) return null;
  return (
    <div className="drop-overlay" aria-hidden="true">
      <div>
        <Icon name="upload" />
        {collection ? t.dropInto(collection) : t.dropNow}
      </div>
    </div>
  );
}
