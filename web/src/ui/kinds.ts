/** Kinds of documents as people call them. Enters: a media type. Leaves: a name. Pure. */
const OFFICE = "application/vnd.openxmlformats-officedocument";
const OPEN = "application/vnd.oasis.opendocument";

const NAMES: Record<string, string> = {
  "application/pdf": "PDF",
  "application/msword": "Word (DOC)",
  [`${OFFICE}.wordprocessingml.document`]: "Word",
  "application/vnd.ms-excel": "Excel (XLS)",
  [`${OFFICE}.spreadsheetml.sheet`]: "Excel",
  "application/vnd.ms-powerpoint": "PowerPoint (PPT)",
  [`${OFFICE}.presentationml.presentation`]: "PowerPoint",
  [`${OPEN}.text`]: "OpenDocument (ODT)",
  [`${OPEN}.spreadsheet`]: "OpenDocument (ODS)",
  [`${OPEN}.presentation`]: "OpenDocument (ODP)",
  "application/epub+zip": "EPUB",
  "application/rtf": "RTF",
  "text/rtf": "RTF",
  "text/markdown": "Markdown",
  "text/html": "HTML",
  "text/csv": "CSV",
  "text/plain": "Text",
  "text/vtt": "WebVTT",
  "application/x-latex": "LaTeX",
  "text/x-tex": "LaTeX",
  "application/x-ipynb+json": "Jupyter",
  "message/rfc822": "E-mail",
};

/** The name of a media type; what has none keeps its own. */
export function kindName(mediaType: string): string {
  return NAMES[mediaType] ?? mediaType;
}
