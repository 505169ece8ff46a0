/** Numbers and times as people read them. */
import { expect, test } from "vitest";
import { formatAge, formatBytes, formatDuration } from "../src/preferences/format";
import { localeOf, parsePreferences } from "../src/preferences/preferences";

const plain = (text: string): string => text.replaceAll(/[\u00a0\u202f]/g, " ");

test.each([
  [0, "0 bytes"],
  [1, "1 byte"],
  [900, "900 bytes"],
  [5532, "5.5 kB"],
  [143_481, "143 kB"],
  [1_029_061, "1 MB"],
  [1_500_000_000, "1.5 GB"],
])("%d bytes are %s", (bytes, text) => {
  expect(plain(formatBytes("en", bytes))).toBe(text);
});

test.each([
  [0.012, "0.01s"],
  [0.42, "0.4s"],
  [9.96, "10s"],
  [59.7, "1 min"],
  [185, "3 min 5s"],
  [7440, "2 hr 4 min"],
])("%d seconds are %s", (seconds, text) => {
  expect(plain(formatDuration("en", seconds))).toBe(text);
});

test("ages, in the reader's language", () => {
  const now = Date.parse("2026-11-27T12:00:00Z");
  expect(formatAge("en", "2026-11-27T11:59:40Z", now)).toBe("now");
  expect(formatAge("en", "2026-11-27T11:55:00Z", now)).toBe("5 minutes ago");
  expect(formatAge("fr", "2026-11-26T11:00:00Z", now)).toBe("hier");
  expect(formatAge("en", "2026-01-02T11:00:00Z", now)).toBe("Jan 2, 2026");
});

test("preferences of any origin are read field by field", () => {
  const defaults = { theme: "system", language: "system", logConnection: false };
  expect(parsePreferences(null)).toEqual(defaults);
  expect(parsePreferences("{")).toEqual(defaults);
  expect(parsePreferences("[1]")).toEqual(defaults);
  expect(parsePreferences('{"theme": "dark", "language": "xx"}')).toEqual({
    ...defaults,
    theme: "dark",
  });
});

test("numbers and times are those of the browser's region, in a language that there is", () => {
  const { language: _, ...rest } = parsePreferences(null);
  const cases = [
    ["system", "en-GB", "en-GB"],
    ["system", "fr-CA", "fr-CA"],
    ["system", "de-DE", "en"],
    ["en", "fr-FR", "en"],
    ["fr", "fr-BE", "fr-BE"],
  ] as const;
  for (const [language, browser, locale] of cases) {
    expect(localeOf({ ...rest, language }, browser)).toBe(locale);
  }
});
