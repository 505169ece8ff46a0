// How the tests run: in Node.js, one file after the other on few cores.
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    typecheck: { include: ["test/**/*.test-d.ts"] },
    maxWorkers: 1,
    // Real conversions on a busy machine; nothing waits for it to pass.
    testTimeout: 60_000,
  },
});
