/** The tables of a document as grids, each to be saved as CSV. */
import type { Job } from "@milepost/client";
import { useMemo } from "react";
import { useTexts } from "../texts/texts";
import { Icon } from "../ui/icons";
import { saveFile } from "../ui/save";
import { Empty, Failure, Skeleton } from "../ui/states";
import { csvOf, parseTables, type Table } from "./tables";
import { useResult } from "./use-result";

/** Rows of one table that are drawn; the file has all of them. */
const MOST_ROWS = 500;

export default function TablesView({ job }: { job: Job }) {
  const t = useTexts();
  const { value, error, reload } = useResult(job, "json");
  const tables = useMemo(() => (value === undefined ? undefined : parseTables(value)), [value]);
  if (error) return <Failure error={error} onRetry={reload} />;
  if (!tables) return <Skeleton lines={8} />;
  if (tables.length === 0) return <Empty icon="table" title={t.noTables} />;
  const base = (job.document?.filename ?? job.id).replace(/\.[^.]{1,8}$/, "");
  return (
    <div className="stack">
      {tables.map((table, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the tables of a document keep their order.
        <TableGrid key={index} table={table} number={index + 1} base={base} />
      ))}
    </div>
  );
}

function TableGrid({ table, number, base }: { table: Table; number: number; base: string }) {
  const t = useTexts();
  const name = t.tableTitle(number);
  const rows = table.rows.slice(0, MOST_ROWS);
  const save = (): void =>
    saveFile(new Blob([csvOf(table)], { type: "text/csv" }), `${base}-${number}.csv`);
  return (
    <section aria-label={name}>
      <div className="row table-head">
        <h3 className="grow">
          {name} {table.page && <span className="soft small">{t.onPage(table.page)}</span>}
        </h3>
        <button type="button" className="button small" onClick={save}>
          <Icon name="download" />
          {t.downloadCsv}
        </button>
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: keyboards scroll it. */}
      <div className="table-frame" tabIndex={0}>
        <table className="grid">
          <tbody>
            {rows.map((row, y) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: cells are known by their place.
              <tr key={y}>
                {row.map((cell, x) => {
                  const Tag = cell.header ? "th" : "td";
                  // biome-ignore lint/suspicious/noArrayIndexKey: as above.
                  return <Tag key={x}>{cell.text}</Tag>;
                })}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {table.rows.length > MOST_ROWS && <p className="hint">{t.tooLong(String(MOST_ROWS))}</p>}
    </section>
  );
}
