/** The settings of this browser and, for administrators, the server's keys. */
import { ConnectionIndicator } from "@milepost/react";
import { logout, useSession } from "../session/session";
import { useTexts } from "../texts/texts";
import { Icon } from "../ui/icons";
import { useTitle } from "../ui/use-title";
import { Appearance } from "./appearance";
import { ConnectionFacts } from "./connection-facts";
import { ConnectionLog } from "./connection-log";
import { Keys } from "./keys";
import { Notifications } from "./notifications";
import { OfflineCopies } from "./offline-copies";
import "../styles/settings.css";

export default function SettingsPage() {
  const t = useTexts();
  const { info, session } = useSession();
  useTitle(t.settings);
  const authenticated = (info?.authentication.length ?? 0) > 0;

  return (
    <div className="stack settings">
      <h1>{t.settings}</h1>
      <Appearance />
      <section className="card padded stack">
        <div className="row">
          <h2 className="grow">{t.connection}</h2>
          <ConnectionIndicator />
        </div>
        <ConnectionFacts />
        <ConnectionLog />
      </section>
      <Notifications />
      <OfflineCopies />
      {authenticated && session?.scopes.includes("admin") && <Keys />}
      <footer className="row small soft">
        {info && <span>{t.version(info.version)}</span>}
        <a href="/docs">{t.apiDocs}</a>
        {authenticated && session && (
          <>
            <span className="grow" />
            <span>{t.signedInAs(session.owner)}</span>
            <button type="button" className="button small" onClick={() => void logout()}>
              <Icon name="logout" />
              {t.logout}
            </button>
          </>
        )}
      </footer>
    </div>
  );
}
