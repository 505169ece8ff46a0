/** The texts of the app in the chosen language. English is the shape; others must fill it. */
import { type Language, languageOf, useLocale } from "../preferences/preferences";
import { en } from "./en";
import { fr } from "./fr";

export type Texts = typeof en;

const ALL: Record<Language, Texts> = { en, fr };

export function useTexts(): Texts {
  return ALL[languageOf(useLocale())];
}
