/** What a job is called. Enters: the job. Leaves: its document's name, or how many there are. */
import type { Job } from "@milepost/client";
import type { Texts } from "../texts/texts";

export function nameOf({ document, documents }: Job, t: Texts): string {
  if (document) return document.filename || t.untitled;
  return documents.total > 1 ? t.manyDocuments(String(documents.total)) : t.untitled;
}
