/** The monitor screen. */
export default function MonitorPage() {
  return null;
}
