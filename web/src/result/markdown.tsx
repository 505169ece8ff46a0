/**
 * Markdown as people read it. Enters: text that came out of somebody's document. Leaves: elements
 * without scripts, styles, forms or frames, links that tell the other side nothing, no pictures
 * from elsewhere.
 */
import DOMPurify from "dompurify";
import { Marked } from "marked";
import { useLayoutEffect, useRef } from "react";

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

export default function Markdown({ text }: { text: string }) {
  const element = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    element.current?.replaceChildren(render(text));
  }, [text]);
  return <div ref={element} className="prose" />;
}
