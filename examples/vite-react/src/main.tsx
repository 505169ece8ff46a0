/** Starts the app. Never: does anything else. */
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import "@milepost/react/styles.css";
import "./page.css";
import { App } from "./app";

const root = document.getElementById("root");
if (root === null) throw new Error("index.html has no #root");
createRoot(root).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
