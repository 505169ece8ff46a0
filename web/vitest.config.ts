/** The unit tests: what is pure. What needs a browser and a server is in `tests/`. */
import { defineConfig } from "vitest/config";

export default defineConfig({ test: { include: ["test/**/*.test.ts"] } });
