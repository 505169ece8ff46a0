/** Addresses that come from outside: links, what follows a sign-in, what a notification opens. */
import { expect, test } from "vitest";
import { pathAfterLogin } from "../src/session/next";
import { sharedLinkOf } from "../src/shared-link";
import { isOwnPath, notificationOf } from "../sw/notification";

test("after the sign-in one comes back, and nowhere else", () => {
  expect(pathAfterLogin("/app/jobs/1?x=2")).toBe("/app/jobs/1?x=2");
  for (const foreign of [
    null,
    "",
    "https://evil.example",
    "//evil.example",
    "/\\evil.example",
    "/\t/evil.example",
    "/\n//evil.example",
  ]) {
    expect(pathAfterLogin(foreign)).toBe("/");
  }
  expect(pathAfterLogin("/app/login?next=/")).toBe("/");
});

test("a link is a job and a token behind the #", () => {
  const at = (address: string, state?: unknown) =>
    sharedLinkOf(new URL(address, "https://milepost.example"), state);
  expect(at("/app/jobs/1#token=a.b-c")).toEqual({ id: "1", token: "a.b-c" });
  expect(at("/app/jobs/1", { sharedToken: "x" })).toEqual({ id: "1", token: "x" });
  expect(at("/app/jobs/1")).toBeUndefined();
  expect(at("/app/jobs/1?token=x")).toBeUndefined();
  expect(at("/app/monitor#token=x")).toBeUndefined();
  expect(at("/app/jobs/1", { sharedToken: 7 })).toBeUndefined();
  expect(at("/app/jobs/%E0%A4%A#token=x")).toBeUndefined();
});

test("a notification leads to this server alone", () => {
  expect(isOwnPath("/app/jobs/1")).toBe(true);
  for (const foreign of [
    "https://evil.example/",
    "//evil.example",
    "/\\evil",
    "/\t/evil",
    "javascript:0",
    7,
  ]) {
    expect(isOwnPath(foreign)).toBe(false);
  }
});

test("a message of a job, of a batch, and one that is none", () => {
  const job = { id: "1", status: "failed", filename: "report.pdf", error_code: "internal" };
  expect(notificationOf(JSON.stringify({ job, batch: null, url: "/app/jobs/1" }), "en-GB")).toEqual(
    {
      title: "report.pdf",
      body: "The conversion failed.",
      tag: "job-1",
      icon: "/app/icons/mark-192.png",
      data: { url: "/app/jobs/1" },
    },
  );
  const batch = { id: "2", total: 3, completed: 2, failed: 1, cancelled: 0 };
  expect(notificationOf(JSON.stringify({ job, batch, url: "/?batch=2" }), "fr")).toMatchObject({
    title: "Un lot de 3 documents est terminé",
    body: "2 terminés, 1 échoués",
    data: { url: "/?batch=2" },
  });
  for (const broken of [undefined, "", "{", "[]", '{"job": 7, "url": "https://evil.example"}']) {
    expect(notificationOf(broken, "en")).toMatchObject({ title: "Milepost", data: { url: "/" } });
  }
});
