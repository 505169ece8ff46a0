/**
 * Builds the service worker as one classic script, beside the app that was built before.
 * `scripts/precache.mjs` then writes into it which files it keeps.
 */
import { defineConfig } from "vite";

export default defineConfig({
  publicDir: false,
  define: { "process.env.NODE_ENV": JSON.stringify("production") },
  build: {
    outDir: "../../crates/milepost/web",
    emptyOutDir: false,
    target: "es2022",
    lib: { entry: "worker.ts", formats: ["iife"], name: "worker", fileName: () => "sw.js" },
  },
});
