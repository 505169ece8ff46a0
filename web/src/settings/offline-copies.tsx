/** What this browser keeps for reading without a connection, and how to be rid of it. */
import { useEffect, useState } from "react";
import { forgetCopies, hasWorkers } from "../offline/worker-client";
import { formatBytes } from "../preferences/format";
import { useLocale } from "../preferences/preferences";
import { useTexts } from "../texts/texts";
import { Icon } from "../ui/icons";
import { useToast } from "../ui/toasts";

/** Bytes that this site uses here, where the browser tells. */
async function usage(): Promise<number | undefined> {
  return (await navigator.storage?.estimate())?.usage;
}

export function OfflineCopies() {
  const t = useTexts();
  const locale = useLocale();
  const toast = useToast();
  const [used, setUsed] = useState<number>();

  useEffect(() => {
    void usage().then(setUsed);
  }, []);

  async function clear(): Promise<void> {
    await forgetCopies();
    toast("good", t.cleared);
    setUsed(await usage());
  }

  return (
    <section className="card padded stack">
      <div>
        <h2>{t.offlineCopies}</h2>
        <p className="hint">{t.offlineHint}</p>
      </div>
      {hasWorkers ? (
        <div className="row">
          <button type="button" className="button" onClick={() => void clear()}>
            <Icon name="trash" />
            {t.clear}
          </button>
          {used !== undefined && (
            <span className="hint">{t.storageUsed(formatBytes(locale, used))}</span>
          )}
        </div>
      ) : (
        <p>{t.workerOff}</p>
      )}
    </section>
  );
}
