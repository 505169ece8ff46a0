// How the soak runs: once, for as long as SOAK_MINUTES says, ten by default.

import { defineConfig } from "@playwright/test";
import journeys from "../playwright.config.js";

export const MINUTES = Number(process.env.SOAK_MINUTES ?? 10);

export default defineConfig(journeys, {
  testDir: ".",
  testMatch: "*.soak.ts",
  outputDir: "../../../test-results/soak",
  // What the soak itself takes, and time to begin and to end.
  timeout: (MINUTES + 5) * 60_000,
  use: { trace: "off" },
});
