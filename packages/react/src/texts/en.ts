/**
 * The English texts, and by their keys the type of all texts.
 *
 * Enters: nothing. Leaves: one text for each key, with `{placeholders}`. Never: the message of a
 * server's refusal, which comes in English with the refusal and says more than a text here could.
 */

import type { en as searchEn } from "../search/texts.js";

/** The English texts. */
export const en = {
  "status.awaiting": "Waiting for confirmation",
  "status.queued": "Waiting",
  "status.running": "Running",
  "status.completed": "Completed",
  "status.failed": "Failed",
  "status.cancelled": "Cancelled",

  "stage.fetching": "Fetching",
  "stage.detecting": "Detecting the format",
  "stage.converting": "Converting",
  "stage.assembling": "Assembling",
  "stage.starting": "Starting",
  "stage.analyzing": "Analysing",
  "stage.splitting": "Splitting",
  "stage.processing": "Processing",
  "stage.merging": "Merging",
  "stage.extracting": "Extracting",
  "stage.chunking": "Chunking",
  "stage.enriching": "Enriching",
  "stage.indexing": "Indexing",
  "stage.working": "Working",

  "upload.received": "Received",
  "upload.extracting": "Extracting",
  "upload.chunking": "Chunking",
  "upload.enriching": "Enriching",
  "upload.indexing": "Indexing",
  "upload.completed": "Completed",
  "upload.failed": "Failed",
  "upload.cancelled": "Cancelled",
  "upload.waiting": "Waiting to be sent",
  "upload.sending": "Sending {done} of {total}",

  "unit.page": "page {done} of {total}",
  "unit.chunk": "chunk {done} of {total}",
  "unit.document": "document {done} of {total}",
  "unit.byte": "{done} of {total}",
  "unit.so.far": "{done} so far",
  "unit.other": "{unit} {done} of {total}",

  "progress.queue": "Place {position} of {length} in the queue",
  "progress.eta": "about {time} left",
  "progress.stalled": "No sign of life for a while. It may still go on.",
  "progress.attempt": "attempt {attempt}",
  "progress.agents": "Agents",
  "progress.loading": "Loading…",
  "progress.removed": "This job was deleted.",
  "agent.pending": "waiting",
  "agent.running": "running",
  "agent.completed": "done",
  "agent.failed": "failed",

  "connection.idle": "Not connected",
  "connection.connecting": "Connecting…",
  "connection.live": "Live",
  "connection.retrying": "Retrying (attempt {attempt})",
  "connection.polling": "Using fallback polling",
  "connection.offline": "Offline",
  "connection.ended": "Disconnected",
  "connection.connected": "Connected",
  "connection.disconnected": "Disconnected",
  "connection.error": "Connection error",
  "connection.retry": "Retry now",

  "announce.stage": "{name}: {stage}",
  "announce.percent": "{name}: {percent}",
  "announce.stalled": "{name}: no sign of life",
  "announce.completed": "{name} is completed",
  "announce.failed": "{name} failed",
  "announce.cancelled": "{name} was cancelled",

  "action.cancel": "Cancel",
  "action.retry": "Retry",
  "action.again": "Convert again",
  "action.remove": "Remove",
  "action.delete": "Delete",
  "action.open": "Open",
  "action.close": "Close",
  "action.named": "{action} {name}",

  "job.unnamed": "Untitled document",
  "job.many": "{count} documents",
  "job.nameless": "Job {id}",
  "job.text": "Pasted text.md",

  "drop.label": "Choose files or drop them here",
  "drop.paste": "You can also paste files or text.",
  "drop.limit": "{size} at most for each file.",
  "drop.url": "Address of a document",
  "drop.add": "Add",
  "drop.list": "Uploads",
  "drop.clear": "Clear the finished ones",
  "drop.url.wrong": "This is no http or https address.",
  "drop.too.large": "{name} has {size}; this server takes {limit} at most.",

  "list.label": "Documents",
  "list.name": "Name",
  "list.status": "Status",
  "list.progress": "Progress",
  "list.pages": "Pages",
  "list.size": "Size",
  "list.created": "Submitted",
  "list.actions": "Actions",
  "list.empty": "No documents yet.",
  "list.none": "Nothing matches the filter.",
  "list.search": "Find by name",
  "list.all": "Any status",
  "list.select": "Select {name}",
  "list.select.all": "Select all",
  "list.selected.one": "{count} selected",
  "list.selected.other": "{count} selected",
  "list.bulk.again": "Convert the selected ones again",
  "list.bulk.cancel": "Cancel the selected ones",
  "list.more": "Show more",
  "list.refresh": "Refresh",
  "list.offline": "You are offline. This is what was known last.",

  "viewer.label": "Document {name}",
  "viewer.formats": "Formats",
  "viewer.pages": "Pages",
  "viewer.page": "Page",
  "viewer.page.of": "Page {page} of {total}",
  "viewer.previous": "Previous page",
  "viewer.next": "Next page",
  "viewer.nothing": "The first page appears here as soon as it is finished.",
  "viewer.page.failed": "Page {page} could not be converted.",
  "viewer.final": "A retry would end the same way.",
  "format.pages": "Pages",
  "format.markdown": "Markdown",
  "format.json": "JSON",
  "format.html": "HTML",
  "format.text": "Text",
  "format.chunks": "Chunks",

  "boundary.title": "This part could not be shown.",
  "boundary.retry": "Try again",

  "error.unknown": "Something went wrong.",
  "error.network": "The server cannot be reached. Check the connection, then try again.",
  "error.timeout": "The server took too long to answer. Try again.",
  "error.aborted": "It was stopped.",
  "error.closed": "The connection was closed.",
  "error.invalid_response": "The server answered in a way that is not understood.",
  // The server's message speaks to programs: it names the field in which they send a password.
  "error.document_encrypted": "The document is protected: its password is missing or wrong.",
};

/** The key of a text of `@milepost/react/search`, which brings them along. */
export type SearchTextKey = keyof typeof searchEn;

/** The key of a text that every language has. */
export type TextKey = keyof typeof en;

/**
 * All texts of a language. Beside the keys of `en` there may be `error.CODE` for any code of a
 * server, shown in the place of the server's English message, and `stage.NAME` for the stages of
 * one's own pipelines.
 */
export type Texts = Readonly<Record<TextKey, string>> & {
  readonly [key: `error.${string}` | `stage.${string}`]: string | undefined;
} & { readonly [key in SearchTextKey]?: string };
