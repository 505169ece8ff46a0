/**
 * How far orders to many jobs are. Enters: those under way. Leaves: a bar for each with its stop.
 * The browser asks before the page is left in the middle: what is not ordered yet never would be.
 */
import { useEffect, useSyncExternalStore } from "react";
import { formatNumber } from "../preferences/format";
import { useLocale } from "../preferences/preferences";
import { useTexts } from "../texts/texts";
import { bulks } from "./bulk";

export function BulkProgress() {
  const t = useTexts();
  const locale = useLocale();
  const underWay = useSyncExternalStore(bulks.subscribe, bulks.get);
  const some = underWay.length > 0;
  useEffect(() => {
    if (!some) return;
    const ask = (event: BeforeUnloadEvent): void => event.preventDefault();
    addEventListener("beforeunload", ask);
    return () => removeEventListener("beforeunload", ask);
  }, [some]);

  return underWay.map(({ id, order, done, total, stop }) => (
    <section key={id} className="bulk-progress" aria-label={t.ordering[order]}>
      <span>
        {t.ordering[order]}{" "}
        <span className="numeric">
          {t.ofUnits(formatNumber(locale, done), formatNumber(locale, total))}
        </span>
      </span>
      <progress className="bar" max={total} value={done} aria-label={t.ordering[order]} />
      <button type="button" className="button small" onClick={stop}>
        {t.stopOrder}
      </button>
    </section>
  ));
}
