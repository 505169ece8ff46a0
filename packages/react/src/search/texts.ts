"use client";
/**
 * The texts of searches, apart from the others, so that only those who search load them.
 *
 * Enters: the provider's language, and texts of one's own. Leaves: one text for each key. Never: a
 * key that only one language has.
 */

import { useMemo } from "react";
import { useLocale, useTexts } from "../provider.js";

/** The English ones. */
export const en = {
  "search.results": "Results",
  "search.searching": "Searching…",
  "search.count.one": "{count} passage",
  "search.count.other": "{count} passages",
  "search.left.one": "{count} collection was not searched: name it to do so.",
  "search.left.other": "{count} collections were not searched: name some to do so.",
  "search.none": "Nothing was found for “{query}”.",
  "search.hint": "Try other words, or fewer of them.",
  "search.keywords": "Search by words only",
  "search.whole": "Whole passage",
  "search.page": "page {page}",
  "search.pages": "pages {first}–{last}",
  "search.by.keyword": "found by its words (no. {keyword})",
  "search.by.vector": "found by its meaning (no. {vector})",
  "search.by.both": "found by its words (no. {keyword}) and its meaning (no. {vector})",
};

/** The French ones. */
export const fr: typeof en = {
  "search.results": "Résultats",
  "search.searching": "Recherche en cours…",
  "search.count.one": "{count} passage",
  "search.count.other": "{count} passages",
  "search.left.one": "{count} collection est restée de côté : nommez-la pour y chercher.",
  "search.left.other": "{count} collections sont restées de côté : nommez-en pour y chercher.",
  "search.none": "Rien n’a été trouvé pour « {query} ».",
  "search.hint": "Essayez d’autres mots, ou moins de mots.",
  "search.keywords": "Chercher seulement par mots",
  "search.whole": "Passage entier",
  "search.page": "page {page}",
  "search.pages": "pages {first}–{last}",
  "search.by.keyword": "trouvé par ses mots (nº {keyword})",
  "search.by.vector": "trouvé par son sens (nº {vector})",
  "search.by.both": "trouvé par ses mots (nº {keyword}) et par son sens (nº {vector})",
};

/** Those of the provider's language, with one's own in their places. */
export function useSearchTexts(): typeof en {
  const locale = useLocale();
  const own = useTexts();
  return useMemo(() => {
    const texts = { ...(/^fr\b/i.test(locale) ? fr : en) };
    for (const key of Object.keys(texts) as (keyof typeof en)[])
      texts[key] = own[key] ?? texts[key];
    return texts;
  }, [locale, own]);
}
