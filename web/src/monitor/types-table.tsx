/** Finished jobs by kind of document and pipeline: how many, how many of them well, how long. */
import type { Stats } from "@milepost/client";
import { useMemo } from "react";
import { formatDuration, formatNumber, formatShare } from "../preferences/format";
import { useLocale } from "../preferences/preferences";
import { useTexts } from "../texts/texts";
import { kindName } from "../ui/kinds";
import { byType, successOf } from "./stats";

export function TypesTable({ finished }: { finished: Stats["finished"] }) {
  const t = useTexts();
  const locale = useLocale();
  const rows = useMemo(() => byType(finished), [finished]);
  return (
    <section className="card padded">
      <h2>{t.byType}</h2>
      {rows.length === 0 ? (
        <p className="soft quiet-line">{t.noStats}</p>
      ) : (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: keyboards scroll it.
        <div className="table-frame" tabIndex={0}>
          <table>
            <thead>
              <tr>
                <th scope="col">{t.type}</th>
                <th scope="col">{t.facts.pipeline}</th>
                <th scope="col">{t.jobs}</th>
                <th scope="col">{t.successRate}</th>
                <th scope="col">{t.meanDuration}</th>
              </tr>
            </thead>
            <tbody>
              {rows.map((row) => {
                const success = successOf(row);
                return (
                  <tr key={`${row.type} ${row.pipeline}`}>
                    <th scope="row" title={row.type}>
                      {kindName(row.type)}
                    </th>
                    <td>{t.pipelines[row.pipeline] ?? row.pipeline}</td>
                    <td className="numeric">{formatNumber(locale, row.jobs)}</td>
                    <td className="numeric">
                      {success === null ? "–" : formatShare(locale, success)}
                    </td>
                    <td className="numeric">
                      {row.seconds === null ? "–" : formatDuration(locale, row.seconds)}
                    </td>
                  </tr>
                );
              })}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}
