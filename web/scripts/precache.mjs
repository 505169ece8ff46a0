/**
 * Writes the list of the app's files, each with its revision, into the built service worker. What
 * enters: the built app. What leaves: `sw.js`, which keeps these files for use without a network.
 */
import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { injectManifest } from "workbox-build";

const out = fileURLToPath(new URL("../../crates/milepost/web/", import.meta.url));

const { warnings } = await injectManifest({
  swSrc: `${out}sw.js`,
  swDest: `${out}sw.js`,
  globDirectory: out,
  globPatterns: [
    "index.html",
    "theme.js",
    "document.css",
    "manifest.webmanifest",
    "assets/*",
    "icons/*",
  ],
  modifyURLPrefix: { "": "/app/" },
  dontCacheBustURLsMatching: /\/assets\/.+-[\w-]{8}\./,
});
if (warnings.length > 0) throw new Error(warnings.join("\n"));

/* A trailing newline, so that the committed file is a text file like any other. */
const worker = await readFile(`${out}sw.js`, "utf8");
await writeFile(`${out}sw.js`, `${worker.trimEnd()}\n`);
