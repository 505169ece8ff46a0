// Documents: the project's own, and PDFs as long as a journey needs. Enters: names,
// numbers of pages. Leaves: paths and bytes. Never: writes a file.

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { ROOT } from "./server.js";

/** The path of a document of the project's own. */
export function fixture(name: string): string {
  return join(ROOT, "fixtures", name);
}

/** Its bytes. */
export function fixtureBytes(name: string): Promise<Buffer> {
  return readFile(fixture(name));
}

/** A PDF of `pages` pages of text, each of which says its number. */
export function pdfOf(pages: number): Buffer {
  const numbers = Array.from({ length: pages }, (_, index) => index + 1);
  // Catalog, tree and font come first; then a page and its text in turn.
  const kids = numbers.map((page) => `${2 * page + 2} 0 R`).join(" ");
  const objects = [
    "<< /Type /Catalog /Pages 2 0 R >>",
    `<< /Type /Pages /Count ${pages} /Kids [${kids}] >>`,
    "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    ...numbers.flatMap((page) => [
      "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] " +
        `/Contents ${2 * page + 3} 0 R /Resources << /Font << /F1 3 0 R >> >> >>`,
      stream(text(page)),
    ]),
  ];
  let file = "%PDF-1.4\n";
  const places = objects.map((object, index) => {
    const place = file.length;
    file += `${index + 1} 0 obj\n${object}\nendobj\n`;
    return `${String(place).padStart(10, "0")} 00000 n \n`;
  });
  const size = objects.length + 1;
  file +=
    `xref\n0 ${size}\n0000000000 65535 f \n${places.join("")}` +
    `trailer\n<< /Size ${size} /Root 1 0 R >>\nstartxref\n${file.length}\n%%EOF\n`;
  return Buffer.from(file, "latin1");
}

function text(page: number): string {
  const lines = Array.from({ length: 30 }, (_, index) => {
    return ` (Page ${page}, line ${index + 1}: the road goes on and on.) Tj T*`;
  });
  return `BT /F1 11 Tf 14 TL 72 770 Td${lines.join("")} ET`;
}

function stream(content: string): string {
  return `<< /Length ${content.length} >>\nstream\n${content}\nendstream`;
}
