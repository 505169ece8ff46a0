/**
 * What a person prefers in this browser: theme, language, whether the connection is logged.
 * Enters: choices. Leaves: a store that React reads, and one entry in localStorage. Never holds
 * a credential.
 */
import { useSyncExternalStore } from "react";

export type Theme = "system" | "light" | "dark";
export type Language = "en" | "fr";

export interface Preferences {
  readonly theme: Theme;
  readonly language: "system" | Language;
  /** Whether the client's frames and decisions are kept for the settings page. */
  readonly logConnection: boolean;
}

const KEY = "milepost.preferences";
const DEFAULTS: Preferences = { theme: "system", language: "system", logConnection: false };

/** Reads what was stored, field by field: an entry of another version may hold anything. */
export function parsePreferences(stored: string | null): Preferences {
  let value: unknown;
  try {
    value = JSON.parse(stored ?? "{}");
  } catch {
    return DEFAULTS;
  }
  if (typeof value !== "object" || value === null) return DEFAULTS;
  const { theme, language, logConnection } = value as Record<string, unknown>;
  return {
    theme: theme === "light" || theme === "dark" ? theme : DEFAULTS.theme,
    language: language === "en" || language === "fr" ? language : DEFAULTS.language,
    logConnection: logConnection === true,
  };
}

function stored(): string | null {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null; // Storage is switched off; the choices last until the tab is closed.
  }
}

let current = parsePreferences(stored());
const listeners = new Set<() => void>();

function publish(next: Preferences): void {
  current = next;
  const { dataset } = document.documentElement;
  if (next.theme === "system") delete dataset.theme;
  else dataset.theme = next.theme;
  document.documentElement.lang = localeOf(next);
  for (const listener of listeners) listener();
}

/**
 * The locale (BCP 47) of numbers and times, in a language that there are texts in: the chosen one,
 * else the browser's, else English; with the browser's region where that is of the language.
 */
export function localeOf({ language }: Preferences, browser = navigator.language): string {
  const [own] = browser.toLowerCase().split("-");
  const wanted = language !== "system" ? language : own === "fr" ? "fr" : "en";
  return own === wanted ? browser : wanted;
}

/** The language of the texts of a locale. */
export const languageOf = (locale: string): Language =>
  locale.toLowerCase().startsWith("fr") ? "fr" : "en";

export const preferences = {
  get: (): Preferences => current,

  set(change: Partial<Preferences>): void {
    publish({ ...current, ...change });
    try {
      localStorage.setItem(KEY, JSON.stringify(current));
    } catch {
      // As above: without storage the choice lasts until the tab is closed.
    }
  },

  /** Applies what is stored now, and follows other tabs. */
  start(): void {
    publish(current);
    addEventListener("storage", (event) => {
      if (event.key === KEY) publish(parsePreferences(event.newValue));
    });
  },

  subscribe(listener: () => void): () => void {
    listeners.add(listener);
    return () => listeners.delete(listener);
  },
};

/** The preferences, kept up to date. */
export function usePreferences(): Preferences {
  return useSyncExternalStore(preferences.subscribe, preferences.get);
}

/** The locale, kept up to date. */
export function useLocale(): string {
  return localeOf(usePreferences());
}
