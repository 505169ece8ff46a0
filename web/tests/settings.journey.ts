// Settings: language and theme stay, keys are made, shown once and revoked.

import { progress } from "./harness/app.js";
import { expect, test } from "./harness/journey.js";

test("language and theme are chosen, and stay", async ({ page, api }) => {
  const { id } = await api.external("relevé.txt");
  await api.report(id, { stage: "reading", done: 4, total: 10, unit: "page" });
  await page.goto("/app/settings");
  await page.getByText("Français").click();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Réglages");
  await page.getByText("Sombre").click();

  await page.goto(`/app/jobs/${id}`);
  await expect(page.locator("html")).toHaveAttribute("lang", "fr");
  await expect(page.locator("html")).toHaveAttribute("data-theme", "dark");
  await expect(progress(page, "relevé.txt")).toHaveAttribute(
    "aria-valuetext",
    /^20\s%, .*encore .* environ/,
  );
  await expect(page.getByRole("banner").getByRole("status")).toHaveText("En direct");
});

test.describe("with authentication", () => {
  test.use({ settings: { AUTH: "api-keys" } });

  test("a key is made, shown once, and revoked", async ({ page, server }) => {
    await page.goto("/app/login?next=/app/settings");
    await page.getByLabel("Key or token").fill(server.key("operator", "submit,read,cancel,admin"));
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("button", { name: "Create a key" }).click();
    const dialog = page.getByRole("dialog", { name: "Create a key" });
    await dialog.getByLabel("Name").fill("scanner");
    await dialog.getByRole("button", { name: "Create a key" }).click();
    const key = await dialog.getByLabel("scanner").inputValue();
    expect(key).toMatch(/^mp_[0-9a-f]{64}$/);
    const { items } = await server.api(key).jobs();
    expect(items).toEqual([]);
    await dialog.getByRole("button", { name: "Close" }).click();
    expect(await page.content()).not.toContain(key);

    await page.getByRole("button", { name: "Revoke scanner" }).click();
    const asked = page.getByRole("dialog", { name: "Revoke scanner?" });
    await asked.getByRole("button", { name: "Revoke" }).click();
    await expect(asked).toBeHidden();
    await expect(server.api(key).jobs()).rejects.toThrow("401");
  });
});
