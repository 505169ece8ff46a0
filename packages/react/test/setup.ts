// What every test ends with: an empty page. Where there is none, as on a server, nothing.

import { afterEach, vi } from "vitest";

if (typeof document !== "undefined") {
  // jsdom has no canvas, and says so whenever axe asks for one.
  HTMLCanvasElement.prototype.getContext = () => null;
  const { cleanup, configure } = await import("@testing-library/react");
  configure({ asyncUtilTimeout: 20_000 });
  afterEach(() => {
    cleanup();
    localStorage.clear();
  });
}

afterEach(() => {
  vi.unstubAllGlobals();
});
