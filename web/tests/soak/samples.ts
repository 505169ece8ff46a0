// What tabs hold, sample by sample. Enters: figures. Leaves: a table, and those that do
// not level off: where the median of the last third is above that of the middle third, by
// more than such a figure moves by itself. The first third is warm-up. Pure.

/** A figure, and how far it may be above itself: as a share, and by so much. */
interface Figure {
  readonly name: string;
  readonly share: number;
  readonly slack: number;
}

const MIB = 1024 * 1024;
const FIGURES = {
  heap: { name: "heap after collection", share: 0.1, slack: 1 * MIB },
  nodes: { name: "DOM nodes", share: 0.1, slack: 200 },
  listeners: { name: "event listeners", share: 0.1, slack: 50 },
  documents: { name: "documents", share: 0, slack: 1 },
} satisfies Record<string, Figure>;

type Name = keyof typeof FIGURES;

/** One look at one tab: bytes of heap, and counts. */
export type Sample = Readonly<Record<Name, number>>;

/** The samples of all tabs, by the tab's name. */
export class Samples {
  readonly #rows = new Map<string, Sample[]>();

  add(tab: string, sample: Sample): void {
    this.#rows.set(tab, [...(this.#rows.get(tab) ?? []), sample]);
  }

  /** The table, and what grows. */
  judge(): { table: string; growing: string[] } {
    const growing: string[] = [];
    const lines = ["| tab | | first | middle | last | |", "| --- | --- | --- | --- | --- | --- |"];
    for (const [tab, rows] of this.#rows) {
      for (const [key, { name, share, slack }] of Object.entries(FIGURES)) {
        const third = Math.floor(rows.length / 3);
        const [first = 0, middle = 0, last = 0] = [0, 1, 2].map((n) =>
          median(rows.slice(n * third, (n + 1) * third).map((row) => row[key as Name])),
        );
        const level = last <= middle * (1 + share) + slack;
        const [a, b, c] = [first, middle, last].map(short);
        lines.push(`| ${tab} | ${name} | ${a} | ${b} | ${c} | ${level ? "level" : "GROWS"} |`);
        if (!level) growing.push(`${tab}: ${name} grows from ${b} to ${c}`);
      }
    }
    return { table: lines.join("\n"), growing };
  }
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

/** Figures that people can compare: mebibytes where they are large. */
function short(figure: number): string {
  return figure < 1e6 ? figure.toFixed(0) : `${(figure / MIB).toFixed(1)} MiB`;
}
