/**
 * Markdown as people read it. Enters: text that came out of somebody's document. Leaves: elements
 * without scripts, styles, forms or frames, links that tell the other side nothing, no pictures
 * from elsewhere.
 */
import DOMPurify from "dompurify";
import { Marked } from "marked";
import { useLayoutEffect, useRef } from "react";
import { formatBytes } from "../preferences/format";
import { useLocale } from "../preferences/preferences";
import { useTexts } from "../texts/texts";

/** Characters of one page that a browser still draws at once. */
const MOST = 200_000;

const marked = new Marked({ gfm: true });

const CONFIG = {
  USE_PROFILES: { html: true },
  FORBID_TAGS: [
    "style",
    "form",
    "input",
    "button",
    "textarea",
    "select",
    "dialog",
    "video",
    "audio",
    "picture",
  ],
  // Ids and names would shadow those of the page.
  FORBID_ATTR: ["style", "id", "name", "class", "srcset", "background"],
  RETURN_DOM_FRAGMENT: true as const,
};

/** Whether a picture is in the text itself; others would tell their server who reads it. */
const isInline = (source: string): boolean => source.startsWith("data:image/");

/** The elements of a text. */
export function render(markdown: string): DocumentFragment {
  const fragment = DOMPurify.sanitize(marked.parse(markdown, { async: false }), CONFIG);
  for (const link of fragment.querySelectorAll("a")) {
    link.target = "_blank";
    link.rel = "noopener noreferrer";
  }
  for (const image of fragment.querySelectorAll("img")) {
    if (!isInline(image.getAttribute("src") ?? "")) image.replaceWith(image.alt);
  }
  // Wide tables scroll by themselves, by keyboard too.
  for (const table of fragment.querySelectorAll("table")) {
    const frame = document.createElement("div");
    frame.className = "table-frame";
    frame.tabIndex = 0;
    table.replaceWith(frame);
    frame.append(table);
  }
  return fragment;
}

/** The same; a text that is nested deeper than the parser goes, as it is. */
export function renderAny(markdown: string): Node {
  try {
    return render(markdown);
  } catch {
    const plain = document.createElement("pre");
    plain.textContent = markdown;
    return plain;
  }
}

export default function Markdown({ text }: { text: string }) {
  const t = useTexts();
  const locale = useLocale();
  const element = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    element.current?.replaceChildren(renderAny(text.slice(0, MOST)));
  }, [text]);
  return (
    <>
      {text.length > MOST && <p className="notice warn">{t.tooLong(formatBytes(locale, MOST))}</p>}
      <div ref={element} className="prose" />
    </>
  );
}
