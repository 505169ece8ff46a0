/** The app's frame: what every screen has, and which screen an address shows. */
import { MilepostProvider, ProgressErrorBoundary } from "@milepost/react";
import { lazy, Suspense, useEffect } from "react";
import { Link, Route, Switch, useLocation } from "wouter";
import { client } from "./client";
import { collectionIn } from "./collections/address";
import { BulkProgress } from "./list/bulk-progress";
import { DocumentsPage } from "./list/page";
import { useLocale } from "./preferences/preferences";
import { LoginPage } from "./session/login";
import { SessionProvider, useSession } from "./session/session";
import { Banners } from "./shell/banners";
import { Header } from "./shell/header";
import { Shortcuts } from "./shell/shortcuts";
import { useFocusOnMove } from "./shell/use-focus-on-move";
import { useTexts } from "./texts/texts";
import { Empty, Skeleton } from "./ui/states";
import { ToastProvider } from "./ui/toasts";
import { DropAnywhere } from "./uploads/drop-anywhere";
import { UploadsProvider } from "./uploads/uploads";

const CollectionsPage = lazy(() => import("./collections/page"));
const CollectionView = lazy(() => import("./collections/view"));
const SearchPage = lazy(() => import("./search/page"));
const OpenDocument = lazy(() => import("./search/open-document"));
const JobView = lazy(() => import("./job/view"));
const MonitorPage = lazy(() => import("./monitor/page"));
const SettingsPage = lazy(() => import("./settings/page"));

export function App() {
  const locale = useLocale();
  return (
    <MilepostProvider client={client} locale={locale}>
      <SessionProvider>
        <ToastProvider>
          <UploadsProvider>
            <Frame />
          </UploadsProvider>
        </ToastProvider>
      </SessionProvider>
    </MilepostProvider>
  );
}

function Frame() {
  const t = useTexts();
  const content = useFocusOnMove();
  const { shut } = useSession();
  const [path] = useLocation();
  useWatchMine();
  return (
    <>
      <a className="skip" href="#content">
        {t.skip}
      </a>
      <Header />
      <Banners />
      <BulkProgress />
      <main id="content" ref={content} tabIndex={-1}>
        <ProgressErrorBoundary>
          <Suspense fallback={<Skeleton lines={5} />}>
            {shut && path !== "/app/login" ? <Skeleton lines={5} /> : <Screen />}
          </Suspense>
        </ProgressErrorBoundary>
      </main>
      <DropAnywhere />
      <Shortcuts />
    </>
  );
}

function Screen() {
  return (
    <Switch>
      <Route path="/" component={DocumentsPage} />
      <Route path="/app/jobs/:id">{({ id }) => <JobView key={id} id={id} />}</Route>
      <Route path="/app/documents/:id">{({ id }) => <OpenDocument key={id} id={id} />}</Route>
      <Route path="/app/collections" component={CollectionsPage} />
      <Route path="/app/collections/:name">
        {({ name }) => <CollectionView key={name} name={collectionIn(location.pathname) ?? name} />}
      </Route>
      <Route path="/app/search" component={SearchPage} />
      <Route path="/app/monitor" component={MonitorPage} />
      <Route path="/app/settings" component={SettingsPage} />
      <Route path="/app/login" component={LoginPage} />
      <Route path="/app" component={DocumentsPage} />
      <Route component={NotFound} />
    </Switch>
  );
}

/**
 * Keeps the one connection open, whichever screen is shown: moving between them closes nothing, and
 * the header tells how it stands.
 */
function useWatchMine(): void {
  const signedIn = useSession().session !== undefined;
  useEffect(() => {
    if (!signedIn) return;
    const watch = client.watch({ mine: true });
    return () => watch.close();
  }, [signedIn]);
}

function NotFound() {
  const t = useTexts();
  return (
    <Empty icon="search" title={t.notFound} whole>
      <p>{t.notFoundHint}</p>
      <Link className="button" href="/">
        {t.toDocuments}
      </Link>
    </Empty>
  );
}
