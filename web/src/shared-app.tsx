/**
 * The app for whoever has a link to one job. Enters: the job's id and the token behind the `#`,
 * which browsers send to nobody. Leaves: that job, and nothing of the app's own user, even where
 * somebody is signed in. Never leaves the token in the address, where it would be copied on.
 */
import { Milepost } from "@milepost/client";
import { ConnectionIndicator, MilepostProvider, ProgressErrorBoundary } from "@milepost/react";
import { lazy, Suspense, useEffect, useState } from "react";
import { useLocale } from "./preferences/preferences";
import { type SharedLink, sharedLinkOf } from "./shared-link";
import { useTexts } from "./texts/texts";
import { Skeleton } from "./ui/states";
import { ToastProvider } from "./ui/toasts";

const JobView = lazy(() => import("./job/view"));

/** The link by which the app was opened, if it was. Its token leaves the address. */
export function takeSharedLink(): SharedLink | undefined {
  const link = sharedLinkOf(location, history.state);
  if (link) history.replaceState({ sharedToken: link.token }, "", location.pathname);
  return link;
}

export function SharedApp({ link }: { link: SharedLink }) {
  const locale = useLocale();
  const t = useTexts();
  const [client, setClient] = useState<Milepost>();
  const { id, token } = link;
  useEffect(() => {
    // Not shared with other tabs: these are the owner's, or another link's.
    const made = new Milepost({ baseUrl: location.origin, token, shareTabs: false });
    setClient(made);
    return () => made.close();
  }, [token]);
  if (!client) return null;
  return (
    <MilepostProvider client={client} locale={locale}>
      <ToastProvider>
        <a className="skip" href="#content">
          {t.skip}
        </a>
        <header className="top">
          <div className="top-inner">
            <span className="brand">
              <img src="/app/icons/mark.svg" alt="" width="28" height="28" />
              <span className="brand-name">Milepost</span>
            </span>
            <div className="top-end">
              <ConnectionIndicator />
            </div>
          </div>
        </header>
        <main id="content" tabIndex={-1}>
          <ProgressErrorBoundary>
            <Suspense fallback={<Skeleton lines={6} />}>
              <JobView id={id} shared />
            </Suspense>
          </ProgressErrorBoundary>
        </main>
      </ToastProvider>
    </MilepostProvider>
  );
}
