// @vitest-environment jsdom
/** What a session's end shuts stays shut, over pages and tabs, until the next session. */
import { beforeEach, expect, test, vi } from "vitest";

beforeEach(() => {
  localStorage.clear();
  vi.resetModules();
});

const page = async () => ({
  ...(await import("../src/session/lock")),
  ...(await import("../src/session/owner")),
});

test("a later page is shut too, and the next session opens it", async () => {
  const { lock: first, noteOwner: noted } = await page();
  await noted("ann");
  expect(first.get()).toBe(false);
  first.shut();

  vi.resetModules();
  const { lock, noteOwner, lastOwner } = await page();
  expect(lock.get()).toBe(true);
  // What waits stays bound to its owner.
  expect(lastOwner()).toBe("ann");
  await noteOwner("ann");
  expect(lock.get()).toBe(false);
});

test("another tab's sign-in opens this one", async () => {
  const { lock } = await page();
  lock.shut();
  const heard = vi.fn();
  const stop = lock.subscribe(heard);
  localStorage.clear();
  dispatchEvent(new StorageEvent("storage", { key: "milepost.locked", newValue: null }));
  expect(heard).toHaveBeenCalledOnce();
  expect(lock.get()).toBe(false);
  stop();
});

test("without storage this page is shut all the same", async () => {
  const { lock } = await page();
  const off = vi.spyOn(Storage.prototype, "setItem").mockImplementation(() => {
    throw new Error("Off.");
  });
  lock.shut();
  off.mockRestore();
  expect(lock.get()).toBe(true);
});
