/**
 * A chart over days. Enters: series. Leaves: a drawing for eyes, and the same numbers as a table
 * for everybody else. Drawn anew where theme, size or numbers change.
 */
import { useEffect, useRef } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { useLocale, usePreferences } from "../preferences/preferences";
import { useTexts } from "../texts/texts";

export interface Series {
  readonly name: string;
  /** The custom property of its colour, such as `--good`. */
  readonly color: string;
  readonly values: readonly (number | null)[];
}

interface ChartProps {
  readonly title: string;
  readonly days: readonly string[];
  readonly series: readonly Series[];
  readonly kind: "stacked" | "line";
  readonly format: (value: number) => string;
}

const HEIGHT = 200;

/** Each series with what lies beneath it: drawn from the highest down, they look stacked. */
function stacked(series: readonly Series[]): Series[] {
  const sums = (series[0]?.values ?? []).map(() => 0);
  const raised = series.map((one) => ({
    ...one,
    values: one.values.map((value, day) => {
      const sum = (sums[day] ?? 0) + (value ?? 0);
      sums[day] = sum;
      return sum;
    }),
  }));
  return raised.reverse();
}

export function Chart({ title, days, series, kind, format }: ChartProps) {
  const t = useTexts();
  const locale = useLocale();
  const { theme } = usePreferences();
  const frame = useRef<HTMLDivElement>(null);
  const short = new Intl.DateTimeFormat(locale, {
    day: "numeric",
    month: "short",
    timeZone: "UTC",
  });
  const nameOf = (day: string): string => short.format(new Date(day));

  // biome-ignore lint/correctness/useExhaustiveDependencies: the theme changes what the styles say.
  useEffect(() => {
    const element = frame.current;
    if (!element) return;
    const draw = (): uPlot => {
      const { fontFamily } = getComputedStyle(element);
      // A canvas knows no custom properties: an element tells what they come to.
      const color = (name: string): string => {
        element.style.color = `var(${name})`;
        return getComputedStyle(element).color;
      };
      const drawn = kind === "stacked" ? stacked(series) : series;
      const axis = {
        stroke: color("--ink-soft"),
        ticks: { show: false },
        font: `12px ${fontFamily}`,
      };
      return new uPlot(
        {
          width: element.clientWidth,
          height: HEIGHT,
          legend: { show: false },
          cursor: { show: false },
          scales: {
            x: { time: false, range: [-0.6, days.length - 0.4] },
            y: { range: rangeFromZero },
          },
          axes: [
            {
              ...axis,
              grid: { show: false },
              incrs: [1, 2, 5, 7, 10, 14, 30],
              space: 64,
              size: 28,
              values: (_, splits) => splits.map((day) => (days[day] ? nameOf(days[day]) : "")),
            },
            {
              ...axis,
              size: 48,
              grid: { stroke: color("--line"), width: 1 },
              values: (_, splits) => splits.map(format),
            },
          ],
          series: [
            {},
            ...drawn.map(({ name, color: property }) => ({
              label: name,
              stroke: color(property),
              ...(kind === "stacked"
                ? {
                    fill: color(property),
                    width: 0,
                    ...(bars && { paths: bars }),
                    points: { show: false },
                  }
                : {
                    width: 2,
                    spanGaps: true,
                    points: { show: true, size: 6, fill: color(property) },
                  }),
            })),
          ],
        },
        [days.map((_, day) => day), ...drawn.map(({ values }) => [...values])],
        element,
      );
    };
    let plot = draw();
    const redraw = (): void => {
      plot.destroy();
      plot = draw();
    };
    const observer = new ResizeObserver(() =>
      plot.setSize({ width: element.clientWidth, height: HEIGHT }),
    );
    observer.observe(element);
    const scheme = matchMedia("(prefers-color-scheme: dark)");
    scheme.addEventListener("change", redraw);
    return () => {
      observer.disconnect();
      scheme.removeEventListener("change", redraw);
      plot.destroy();
    };
  }, [days, series, kind, theme, locale]);

  return (
    <figure className="card padded chart">
      <figcaption className="row">
        <h2 className="grow">{title}</h2>
        {series.length > 1 &&
          series.map(({ name, color }) => (
            <span key={name} className="small legend">
              <span className={`swatch ${color.slice(2)}`} />
              {name}
            </span>
          ))}
      </figcaption>
      <div ref={frame} className="chart-frame" aria-hidden="true" />
      <details>
        <summary className="small soft">{t.asTable}</summary>
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: keyboards scroll it. */}
        <div className="table-frame short" tabIndex={0}>
          <table>
            <caption className="visually-hidden">{title}</caption>
            <thead>
              <tr>
                <th scope="col">{t.day}</th>
                {series.map(({ name }) => (
                  <th key={name} scope="col">
                    {name}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {days.map((day, index) => (
                <tr key={day}>
                  <th scope="row">{nameOf(day)}</th>
                  {series.map(({ name, values }) => {
                    const value = values[index];
                    return (
                      <td key={name} className="numeric">
                        {typeof value === "number" ? format(value) : "–"}
                      </td>
                    );
                  })}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </details>
    </figure>
  );
}

const bars = uPlot.paths.bars?.({ size: [0.7, 28], radius: 0.15 });

/** From zero to a little above the highest value; one, where there is none. */
function rangeFromZero(_: uPlot, __: number, highest: number | null): [number, number] {
  return [0, highest ? highest * 1.1 : 1];
}
