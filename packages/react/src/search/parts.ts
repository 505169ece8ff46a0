/**
 * What a highlight says.
 *
 * Enters: the server's HTML. Leaves: pieces of text, some of them marked. Never: an element; what
 * is neither `<mark>` nor an escaped character stays the text that it is. Pure, without a document.
 */

/** A piece of text. */
export interface Part {
  readonly text: string;
  /** Whether it is what was looked for. */
  readonly marked: boolean;
}

const NAMED: Readonly<Record<string, string>> = {
  lt: "<",
  gt: ">",
  amp: "&",
  quot: '"',
  apos: "'",
  nbsp: "\u00a0",
};

const LAST = 0x10ffff;

/** Characters in the place of what stands for them. One pass: `&amp;lt;` is the text `&lt;`. */
const unescaped = (text: string): string =>
  text.replace(/&(?:#(\d{1,7})|#x([\da-f]{1,6})|(\w{2,5}));/gi, (whole, decimal, hex, name) => {
    if (name !== undefined) return NAMED[name] ?? whole;
    const code = decimal === undefined ? Number.parseInt(hex, 16) : Number(decimal);
    return code <= LAST ? String.fromCodePoint(code) : whole;
  });

/** The pieces of a highlight, none of them empty. */
export function highlightParts(html: string): Part[] {
  let marked = false;
  const parts: Part[] = [];
  for (const piece of html.split(/(<\/?mark>)/)) {
    if (piece === "<mark>" || piece === "</mark>") marked = piece === "<mark>";
    else if (piece !== "") parts.push({ text: unescaped(piece), marked });
  }
  return parts;
}
