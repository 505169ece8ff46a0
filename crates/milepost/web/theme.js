/* Sets the chosen theme before the first paint. Reads the preferences, writes one attribute. */
try {
  const { theme } = JSON.parse(localStorage.getItem("milepost.preferences") ?? "{}");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch {
  /* Without storage, or with a broken entry, the system's theme stands. */
}
