/**
 * Takes files that are dropped or pasted anywhere in the app. Enters: the browser's events.
 * Leaves: sources. Never takes what is pasted into a field.
 */
import { useEffect, useState } from "react";
import { useLocation } from "wouter";
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
  const [, navigate] = useLocation();
  const [over, setOver] = useState(false);

  useEffect(() => {
    // Each element that is entered before the last one is left counts, so depth tells the end.
    let depth = 0;
    const take = (files: FileList | undefined): void => {
      if (!files?.length) return;
      add([...files]);
      navigate("/");
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
      add([{ text, filename: t.pastedText(time) }]);
      navigate("/");
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
  }, [add, navigate, t]);

  if (!over) return null;
  return (
    <div className="drop-overlay" aria-hidden="true">
      <div>
        <Icon name="upload" />
        {t.dropNow}
      </div>
    </div>
  );
}
