/**
 * Builds the app into the folder that the server embeds. What enters: `src/` and `public/`. What
 * leaves: the same bytes each time, since they are committed; nothing that the server's content
 * security policy forbids (no inline script, no inline style, no data: script).
 */
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

const server = process.env.MILEPOST_SERVER ?? "http://127.0.0.1:8080";

export default defineConfig({
  base: "/app/",
  plugins: [react()],
  build: {
    outDir: "../crates/milepost/web",
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  server: {
    host: "127.0.0.1",
    proxy: { "/v1": { target: server, ws: true, changeOrigin: true } },
  },
});
