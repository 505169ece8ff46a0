/**
 * Fails where the built app is larger than it may be. Counts every file that a visitor may load,
 * gzipped, lazily loaded parts and the service worker included; icons are counted as they are.
 */
import { readdir, readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const LIMIT = 300_000;
const out = fileURLToPath(new URL("../../crates/milepost/web/", import.meta.url));

let total = 0;
for (const entry of await readdir(out, { recursive: true, withFileTypes: true })) {
  if (!entry.isFile()) continue;
  total += gzipSync(await readFile(`${entry.parentPath}/${entry.name}`), { level: 9 }).length;
}
process.stdout.write(`The app is ${total} bytes gzipped; ${LIMIT} are allowed.\n`);
if (total === 0 || total > LIMIT) process.exitCode = 1;
