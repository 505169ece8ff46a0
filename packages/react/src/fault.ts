/**
 * Why something failed, for people.
 *
 * Enters: an error of the client or of a job. Leaves: one text. Never: a stack, or a code that
 * nobody can read.
 */

import type { Texts } from "./texts/index.js";

/** What errors of the client (`MilepostError`) and of jobs (`job.error`) have in common. */
export interface Fault {
  /** Stable, for programs. */
  readonly code: string;
  /** For people, in English. */
  readonly message: string;
  /** Whether the same may succeed later. */
  readonly retryable: boolean;
}

/**
 * The text of the language for the code, else the message that came with it. The English texts have
 * none for most of a server's codes, as its message is English and says more.
 */
export function faultText(fault: Fault, texts: Texts): string {
  return texts[`error.${fault.code}`] ?? (fault.message || texts["error.unknown"]);
}
