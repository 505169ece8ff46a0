/**
 * A passage with what was looked for in it.
 *
 * Enters: the server's highlight. Leaves: text and `<mark>`. Never: other elements, whatever the
 * document says.
 */

import type { ReactNode } from "react";
import { highlightParts } from "./parts.js";

/** Props of `Highlight`. */
export interface HighlightProps {
  /** A hit's `highlight`. */
  html: string;
  className?: string | undefined;
}

/** Shows a highlight. */
export function Highlight({ html, className }: HighlightProps): ReactNode {
  return (
    <span className={className}>
      {highlightParts(html).map(({ text, marked }, place) => {
        // biome-ignore lint/suspicious/noArrayIndexKey: a piece is known by its place alone.
        return marked ? <mark key={place}>{text}</mark> : text;
      })}
    </span>
  );
}
