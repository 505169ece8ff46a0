/** What concerns every screen: there is no connection; a new version is ready. */
import { useSyncExternalStore } from "react";
import { newVersion } from "../offline/worker-client";
import { useTexts } from "../texts/texts";
import { Icon } from "../ui/icons";

function subscribeOnline(listener: () => void): () => void {
  addEventListener("online", listener);
  addEventListener("offline", listener);
  return () => {
    removeEventListener("online", listener);
    removeEventListener("offline", listener);
  };
}

export function Banners() {
  const t = useTexts();
  const online = useSyncExternalStore(subscribeOnline, () => navigator.onLine);
  const ready = useSyncExternalStore(newVersion.subscribe, newVersion.ready);
  return (
    <div className="banners" aria-live="polite">
      {!online && (
        <div className="banner">
          <Icon name="offline" />
          <span>{t.offlineBanner}</span>
        </div>
      )}
      {ready && (
        <div className="banner new">
          <span>{t.newVersion}</span>
          <button type="button" className="button small" onClick={() => newVersion.takeOver()}>
            {t.reload}
          </button>
        </div>
      )}
    </div>
  );
}
