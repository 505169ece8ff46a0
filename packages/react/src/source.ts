/**
 * What is known of a source before it is sent.
 *
 * Enters: a source, or what was dropped or pasted. Leaves: its name and size; sources. Never: reads
 * a file.
 */

import type { Source } from "@milepost/client";

/** The name under which a source is shown, where it has one. */
export function nameOf(source: Source): string | undefined {
  if (typeof source === "string") return addressOf(source) && lastPart(source);
  if (source instanceof Blob) return source instanceof File ? source.name : undefined;
  if ("document" in source) return undefined;
  if (source.filename !== undefined) return source.filename;
  if ("url" in source) return lastPart(source.url);
  return "file" in source ? nameOf(source.file) : undefined;
}

/** Bytes that will be sent of a file; of what has to be encoded or fetched first it is not known. */
export function sizeOf(source: Source): number | undefined {
  if (typeof source === "string") return undefined;
  if (source instanceof Blob) return source.size;
  return "file" in source ? source.file.size : undefined;
}

/** The text as an http or https address, if it is nothing else. */
export function addressOf(text: string): string | undefined {
  const trimmed = text.trim();
  if (/\s/.test(trimmed) || !URL.canParse(trimmed)) return undefined;
  return /^https?:$/.test(new URL(trimmed).protocol) ? trimmed : undefined;
}

function lastPart(url: string): string | undefined {
  if (!URL.canParse(url)) return undefined;
  const { pathname, host } = new URL(url);
  const last = pathname.split("/").filter(Boolean).at(-1) ?? host;
  try {
    return decodeURIComponent(last);
  } catch {
    return last;
  }
}
