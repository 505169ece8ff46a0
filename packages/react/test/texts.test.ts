import { expect, test } from "vitest";
import { faultText } from "../src/fault.js";
import { formatOf } from "../src/format.js";
import { en, fr, type TextKey, textsOf } from "../src/texts/index.js";

const keys = Object.keys(en) as TextKey[];
const placeholders = (text: string) => (text.match(/\{\w+\}/g) ?? []).sort();

test("each text is there in both languages, with the same places for values", () => {
  const shape = (texts: typeof en) =>
    keys.map((key) => [key, texts[key] !== "", placeholders(texts[key])]);
  expect(shape(fr as typeof en)).toEqual(shape(en));
});

test("a locked document is told of in words for people, not for programs", () => {
  const message = "The PDF is encrypted; send its password in options.password.";
  const fault = { code: "document_encrypted", message, retryable: false };
  expect(faultText(fault, textsOf("en"))).toContain("its password is missing or wrong");
  expect(faultText(fault, textsOf("fr"))).toContain("le mot de passe manque");
});

test("a tag leads to its language, and to English where there is none", () => {
  expect(textsOf("fr-CA")["status.failed"]).toBe("Échec");
  expect(textsOf("en-GB")["status.failed"]).toBe("Failed");
  expect(textsOf("de")["status.failed"]).toBe("Failed");
});

test("one's own text goes before the language's, the others stay", () => {
  const texts = textsOf("fr", { "action.retry": "Encore" });
  expect(texts["action.retry"]).toBe("Encore");
  expect(texts["action.cancel"]).toBe("Annuler");
});

// Languages have spaces of several kinds.
const plain = (text: string) => text.replace(/\s/g, " ");

test("values are written in the language", () => {
  const english = formatOf("en");
  const french = formatOf("fr");
  expect(english.fill("{a} of {b}, {c}", { a: 1200, b: "x" })).toBe("1,200 of x, {c}");
  expect(english.bytes(900)).toBe("900 bytes");
  expect(english.bytes(12_652)).toBe("12.7 kB");
  expect(english.bytes(999_960)).toBe("1 MB");
  expect(plain(french.bytes(1_500_000))).toBe("1,5 Mo");
  expect(english.duration(90)).toBe("2 minutes");
  expect(plain(french.duration(0))).toBe("1 seconde");
  expect(english.time("no time")).toBe("");
});

test("only what is complete is 100%", () => {
  expect(formatOf("en").percent(99.9)).toBe("99%");
  expect(formatOf("en").percent(100)).toBe("100%");
  expect(formatOf("en").percent(-3)).toBe("0%");
});
