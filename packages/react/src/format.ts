/**
 * Numbers, times and texts as people of a language write them.
 *
 * Enters: a language tag, values. Leaves: strings. Never: reads the clock or the browser's own
 * language, so that a server renders what the browser does.
 */

/** Writes values in one language. */
export interface Format {
  /** The text with each `{name}` replaced by that value; numbers are written in the language. */
  fill(text: string, values: Readonly<Record<string, string | number>>): string;
  number(value: number): string;
  /** `29.9` is `29%`: rounded down, so that only what is complete is 100%. */
  percent(value: number): string;
  /** Bytes in decimal units: `1.2 MB`. */
  bytes(value: number): string;
  /** Seconds in the one unit that says enough: `2 minutes`. */
  duration(seconds: number): string;
  /** A time of the server (ISO 8601) in the reader's time zone; empty for what is no time. */
  time(iso: string): string;
  /** Which form of a text goes with a count. */
  plural(count: number): "one" | "other";
}

const BYTES = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"] as const;

/** The format of a BCP 47 tag. */
export function formatOf(locale: string): Format {
  const number = new Intl.NumberFormat(locale);
  const percent = new Intl.NumberFormat(locale, { style: "percent", maximumFractionDigits: 0 });
  const time = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "short" });
  const plural = new Intl.PluralRules(locale);
  const unit = (value: number, name: string, display: "short" | "long") =>
    new Intl.NumberFormat(locale, {
      style: "unit",
      unit: name,
      unitDisplay: display,
      maximumFractionDigits: display === "short" && value < 100 ? 1 : 0,
    }).format(value);

  return {
    fill: (text, values) =>
      text.replace(/\{(\w+)\}/g, (whole, name: string) => {
        const value = values[name];
        if (value === undefined) return whole;
        return typeof value === "number" ? number.format(value) : value;
      }),
    number: (value) => number.format(value),
    percent: (value) => percent.format(Math.floor(Math.min(100, Math.max(0, value))) / 100),
    bytes: (value) => {
      let size = Math.max(0, value);
      let step = 0;
      // 999.95 kB would be written as 1,000 kB.
      while (size >= 999.95 && step < BYTES.length - 1) {
        size /= 1000;
        step += 1;
      }
      return unit(size, BYTES[step] ?? "byte", step === 0 ? "long" : "short");
    },
    duration: (seconds) => {
      if (seconds < 60) return unit(Math.max(1, Math.round(seconds)), "second", "long");
      if (seconds < 3600) return unit(Math.round(seconds / 60), "minute", "long");
      if (seconds < 86_400) return unit(Math.round(seconds / 3600), "hour", "long");
      return unit(Math.round(seconds / 86_400), "day", "long");
    },
    time: (iso) => {
      const at = Date.parse(iso);
      return Number.isNaN(at) ? "" : time.format(at);
    },
    plural: (count) => (plural.select(count) === "one" ? "one" : "other"),
  };
}
