/** Starts the app: preferences, the page, and, once that stands, the service worker. */
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./app";
import { startWorker } from "./offline/worker-client";
import { preferences } from "./preferences/preferences";
import { SharedApp, takeSharedLink } from "./shared-app";
import { sharedLinkOf } from "./shared-link";
import "@milepost/react/styles.css";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/shell.css";
import "./styles/list.css";
import "./styles/uploads.css";

preferences.start();

// A link that is pasted over the address of a page of ours loads nothing by itself.
addEventListener("hashchange", () => {
  if (sharedLinkOf(location, undefined)) location.reload();
});

const link = takeSharedLink();
const root = document.getElementById("root");
if (root) {
  createRoot(root).render(<StrictMode>{link ? <SharedApp link={link} /> : <App />}</StrictMode>);
}

// Without the worker the app works as well, as long as there is a connection.
addEventListener("load", () => {
  void startWorker().catch(() => undefined);
  // What submits is there before the connection is gone, also on the first visit.
  void import("@milepost/client/upload").catch(() => undefined);
});
