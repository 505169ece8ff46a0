/** The result as a file, in each format that was kept. */
import type { Format, Job, MilepostError } from "@milepost/client";
import { useMilepost } from "@milepost/react";
import { useRef } from "react";
import { useTexts } from "../texts/texts";
import { Icon } from "../ui/icons";
import { saveFile } from "../ui/save";
import { useToast } from "../ui/toasts";

const ENDINGS: Record<Format, string> = {
  markdown: "md",
  json: "json",
  html: "html",
  text: "txt",
  chunks: "chunks.json",
};

/** The name of a result's file: that of the document, with the ending of the format. */
export function resultName(document: string, format: Format): string {
  return `${document.replace(/\.[^.]{1,8}$/, "") || document}.${ENDINGS[format]}`;
}

export function DownloadMenu({ job }: { job: Job }) {
  const t = useTexts();
  const client = useMilepost();
  const toast = useToast();
  const menu = useRef<HTMLDetailsElement>(null);
  const formats = (job.result?.formats ?? []) as Format[];
  if (formats.length === 0) return null;

  async function download(format: Format): Promise<void> {
    if (menu.current) menu.current.open = false;
    try {
      const blob = await client.resultBlob(job.id, { format });
      saveFile(blob, resultName(job.document?.filename ?? job.id, format));
    } catch (error) {
      toast("bad", (error as MilepostError).message);
    }
  }

  return (
    <details
      ref={menu}
      className="menu"
      onBlur={(event) => {
        const { currentTarget, relatedTarget } = event;
        if (relatedTarget && !currentTarget.contains(relatedTarget)) currentTarget.open = false;
      }}
      onKeyDown={({ key, currentTarget }) => {
        if (key === "Escape") currentTarget.open = false;
      }}
    >
      <summary className="button primary">
        <Icon name="download" />
        {t.download}
      </summary>
      <div className="menu-items card">
        {formats.map((format) => (
          <button
            key={format}
            type="button"
            className="menu-item"
            aria-label={t.downloadAs(t.formatNames[format] ?? format)}
            onClick={() => void download(format)}
          >
            {t.formatNames[format] ?? format}
            <span className="soft small">.{ENDINGS[format] ?? format}</span>
          </button>
        ))}
      </div>
    </details>
  );
}
