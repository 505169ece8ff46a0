/**
 * Numbers, sizes, times and durations as people read them. Enters: a locale and a value. Leaves:
 * text. Never reads a clock: "now" is passed in.
 */
const SIZES = ["byte", "kilobyte", "megabyte", "gigabyte"] as const;

/** A size in bytes, with one decimal where it is short: `1.4 MB`. */
export function formatBytes(locale: string, bytes: number): string {
  const step = Math.min(SIZES.length - 1, Math.floor(Math.log10(Math.max(bytes, 1)) / 3));
  return new Intl.NumberFormat(locale, {
    style: "unit",
    unit: SIZES[step] ?? "byte",
    unitDisplay: step === 0 ? "long" : "short",
    maximumFractionDigits: step === 0 || bytes / 1000 ** step >= 10 ? 0 : 1,
  }).format(bytes / 1000 ** step);
}

export function formatNumber(locale: string, value: number, digits = 0): string {
  return new Intl.NumberFormat(locale, { maximumFractionDigits: digits }).format(value);
}

/** A share between 0 and 1: `98.2 %`. */
export function formatShare(locale: string, share: number): string {
  return new Intl.NumberFormat(locale, { style: "percent", maximumFractionDigits: 1 }).format(
    share,
  );
}

/** A duration in seconds: `0.4 s`, `12 s`, `3 min 5 s`, `2 h 4 min`. */
export function formatDuration(locale: string, seconds: number): string {
  const part = (value: number, unit: "second" | "minute" | "hour", digits = 0): string =>
    new Intl.NumberFormat(locale, {
      style: "unit",
      unit,
      unitDisplay: unit === "second" ? "narrow" : "short",
      maximumFractionDigits: digits,
    }).format(value);
  if (seconds < 9.95) return part(seconds, "second", seconds < 0.095 ? 2 : 1);
  const whole = Math.round(seconds);
  if (whole < 60) return part(whole, "second");
  if (whole < 3600) {
    const rest = whole % 60;
    return [part(Math.floor(whole / 60), "minute"), ...(rest ? [part(rest, "second")] : [])].join(
      " ",
    );
  }
  const minutes = Math.round(whole / 60);
  const rest = minutes % 60;
  return [part(Math.floor(minutes / 60), "hour"), ...(rest ? [part(rest, "minute")] : [])].join(
    " ",
  );
}

const AGES = [
  ["day", 86_400],
  ["hour", 3600],
  ["minute", 60],
] as const;

/** How long ago a time was: `5 minutes ago`; a date where it is older than a week. */
export function formatAge(locale: string, iso: string, now: number): string {
  const seconds = (now - Date.parse(iso)) / 1000;
  if (seconds > 7 * 86_400) {
    return new Intl.DateTimeFormat(locale, { dateStyle: "medium" }).format(new Date(iso));
  }
  const relative = new Intl.RelativeTimeFormat(locale, { numeric: "auto" });
  for (const [unit, length] of AGES) {
    if (seconds >= length) return relative.format(-Math.floor(seconds / length), unit);
  }
  return relative.format(0, "second");
}

/** Date and time, in the reader's time zone. */
export function formatTime(locale: string, iso: string): string {
  return new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "medium" }).format(
    new Date(iso),
  );
}
