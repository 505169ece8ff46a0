// The app is there at all: it comes from the binary, quickly, and breaks no rule of its
// own policy.

import { expect, test } from "./harness/journey.js";

test("opens at the server's address, under its policy", async ({ page }) => {
  const complaints: string[] = [];
  page.on("console", (message) => {
    if (message.type() === "error") complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(error.message));

  await page.goto("/");
  await expect(page).toHaveTitle(/Milepost/);
  await expect(page.getByRole("status").filter({ hasText: "Live" })).toBeVisible();
  expect(complaints).toEqual([]);
});
