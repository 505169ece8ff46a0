// How the example is served. Enters: MILEPOST_URL, where the server is; PORT.
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

export default defineConfig({
  plugins: [react()],
  define: {
    MILEPOST_URL: JSON.stringify(process.env.MILEPOST_URL ?? "http://127.0.0.1:8080"),
  },
  server: { host: "127.0.0.1", port: Number(process.env.PORT ?? 5171), strictPort: true },
});
