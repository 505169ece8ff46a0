/** The client's log of frames and decisions, while it is switched on. */
import { useSyncExternalStore } from "react";
import { connectionLog } from "../client";
import { preferences, usePreferences } from "../preferences/preferences";
import { useTexts } from "../texts/texts";

export function ConnectionLog() {
  const t = useTexts();
  const { logConnection } = usePreferences();
  const lines = useSyncExternalStore(connectionLog.subscribe, connectionLog.get);
  return (
    <div className="stack tight">
      <label className="check">
        <input
          type="checkbox"
          checked={logConnection}
          onChange={({ target }) => preferences.set({ logConnection: target.checked })}
        />
        {t.logSwitch}
      </label>
      <p className="hint">{t.logHint}</p>
      {logConnection && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: keyboards scroll it.
        <pre className="plain log" role="log" tabIndex={0} aria-label={t.logTitle}>
          {lines.length > 0 ? lines.join("\n") : t.logEmpty}
        </pre>
      )}
    </div>
  );
}
