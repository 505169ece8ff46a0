// How the tests run: each in a page of its own, on React 19 and then on React 18.
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const client = { find: "@milepost/client", replacement: at("../client/src/index.ts") };
const older = (name: string) => ({
  find: new RegExp(`^${name}(?=/|$)`),
  replacement: at(`../react-18/node_modules/${name}`),
});

// Its CommonJS build would bring React 19 along.
const library = {
  find: /^@testing-library\/react$/,
  replacement: at("../../node_modules/@testing-library/react/dist/@testing-library/react.esm.js"),
};

const shared = {
  environment: "jsdom",
  include: ["test/**/*.test.{ts,tsx}"],
  setupFiles: ["test/setup.ts"],
  maxWorkers: 1,
  // A busy machine is slow, and not wrong.
  testTimeout: 60_000,
};

export default defineConfig({
  test: {
    projects: [
      {
        resolve: { alias: [client] },
        test: { ...shared, name: "react 19" },
      },
      {
        resolve: { alias: [client, library, older("react-dom"), older("react")] },
        test: { ...shared, name: "react 18", server: { deps: { inline: [/@testing-library/] } } },
      },
    ],
  },
});
