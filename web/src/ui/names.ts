/** What a job is called, and why it failed. Enters: the job, its error. Leaves: a line of text. */
import type { Job } from "@milepost/client";
import type { Fault } from "@milepost/react";
import type { Texts } from "../texts/texts";

export function nameOf({ document, documents }: Job, t: Texts): string {
  if (document) return document.filename || t.untitled;
  return documents.total > 1 ? t.manyDocuments(String(documents.total)) : t.untitled;
}

/** The server's words, except where they speak to programs of the field that a password goes into. */
export const reasonOf = ({ code, message }: Pick<Fault, "code" | "message">, t: Texts): string =>
  code === "document_encrypted" ? (t.failures[code] ?? message) : message;
