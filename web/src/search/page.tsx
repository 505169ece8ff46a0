/** The search in all collections, or in one of them. */
import { useCollections } from "@milepost/react/search";
import { useEffect } from "react";
import { Link } from "wouter";
import { useTexts } from "../texts/texts";
import { Empty, Failure } from "../ui/states";
import { useBackOnline } from "../ui/use-back-online";
import { useTitle } from "../ui/use-title";
import { Finder } from "./finder";

export default function SearchPage() {
  const t = useTexts();
  const { collections, loading, error, refresh } = useCollections({ limit: 1 });
  useTitle(t.findTitle);
  useBackOnline(error, refresh);
  // Loaded later than the move to it, or by its address, it takes the focus by itself.
  useEffect(() => {
    const inside = document.querySelector<HTMLElement>("main [data-first-focus]");
    const here = document.activeElement;
    if (here === document.body || here?.id === "content") inside?.focus({ preventScroll: true });
  }, []);
  const nothing = !loading && !error && collections.length === 0;

  return (
    <div className="stack">
      <h1>{t.findTitle}</h1>
      {error && <Failure error={error} onRetry={refresh} />}
      {nothing ? (
        <Empty icon="collection" title={t.noCollections}>
          <p>{t.noCollectionsHint}</p>
          <Link className="button" href="/app/collections">
            {t.toCollections}
          </Link>
        </Empty>
      ) : (
        <Finder within={undefined} />
      )}
    </div>
  );
}
