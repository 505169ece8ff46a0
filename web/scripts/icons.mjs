/**
 * Draws the PNG icons from `public/icons/mark.svg` with a headless Chromium; run by hand when the
 * mark changes. The one for masks has the mark smaller on a full square, since its edges are cut.
 */
import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { chromium } from "@playwright/test";

const folder = fileURLToPath(new URL("../public/icons/", import.meta.url));
const mark = await readFile(`${folder}mark.svg`, "utf8");
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu"],
});

for (const { name, size, masked } of [
  { name: "mark-192", size: 192, masked: false },
  { name: "mark-512", size: 512, masked: false },
  { name: "maskable-512", size: 512, masked: true },
  { name: "apple-touch", size: 180, masked: true },
]) {
  const page = await browser.newPage({ viewport: { width: size, height: size } });
  const inner = masked ? Math.round(size * 0.86) : size;
  const inset = (size - inner) / 2;
  await page.setContent(
    `<style>body{margin:0;background:${masked ? "#0f766e" : "transparent"}}
     svg{position:absolute;left:${inset}px;top:${inset}px;width:${inner}px;height:${inner}px}</style>${mark}`,
  );
  await writeFile(`${folder}${name}.png`, await page.screenshot({ omitBackground: true }));
  await page.close();
}
await browser.close();
