/** The settings screen. */
export default function SettingsPage() {
  return null;
}
