/**
 * Which texts a language has.
 *
 * Enters: a language tag, and texts of one's own. Leaves: all texts. Never: a lookup of a language
 * that the page did not ask for.
 */

import { en, type Texts } from "./en.js";
import { fr } from "./fr.js";

export type { TextKey, Texts } from "./en.js";
export { en, fr };

/** The texts of a BCP 47 tag (`fr-CA` has the French ones), English for a language without any. */
export function textsOf(locale: string, own?: Partial<Texts>): Texts {
  const base: Texts = /^fr\b/i.test(locale) ? fr : en;
  return own === undefined ? base : { ...base, ...own };
}
