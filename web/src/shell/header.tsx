/** The top of every screen: where one is, how the connection stands, who one is. */
import { ConnectionIndicator } from "@milepost/react";
import { Link, useLocation } from "wouter";
import { logout, useSession } from "../session/session";
import { useTexts } from "../texts/texts";
import { Icon, type IconName } from "../ui/icons";

export function Header() {
  const t = useTexts();
  const { info, session } = useSession();
  const [path] = useLocation();
  const places: readonly { href: string; icon: IconName; name: string; here: boolean }[] = [
    {
      href: "/",
      icon: "files",
      name: t.documents,
      here: path === "/" || path.startsWith("/app/jobs/") || path.startsWith("/app/documents/"),
    },
    {
      href: "/app/collections",
      icon: "collection",
      name: t.collections,
      here: path.startsWith("/app/collections"),
    },
    { href: "/app/search", icon: "search", name: t.find, here: path === "/app/search" },
    { href: "/app/monitor", icon: "activity", name: t.monitor, here: path === "/app/monitor" },
    { href: "/app/settings", icon: "settings", name: t.settings, here: path === "/app/settings" },
  ];
  const signedIn = session && (info?.authentication.length ?? 0) > 0;

  return (
    <header className="top">
      <div className="top-inner">
        <Link href="/" className="brand">
          <img src="/app/icons/mark.svg" alt="" width="28" height="28" />
          <span className="brand-name">Milepost</span>
        </Link>
        {path !== "/app/login" && (
          <nav className="places" aria-label={t.navigation}>
            {places.map(({ href, icon, name, here }) => (
              <Link
                key={href}
                href={href}
                className={here ? "place here" : "place"}
                aria-current={here ? "page" : undefined}
              >
                <Icon name={icon} />
                {name}
              </Link>
            ))}
          </nav>
        )}
        <div className="top-end">
          {path !== "/app/login" && <ConnectionIndicator />}
          {signedIn && (
            <button
              type="button"
              className="button quiet icon"
              title={t.signedInAs(session.owner)}
              onClick={() => void logout()}
            >
              <Icon name="logout" />
              <span className="visually-hidden">{t.logout}</span>
            </button>
          )}
        </div>
      </div>
    </header>
  );
}
