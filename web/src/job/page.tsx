/** The job screen. */
export default function JobPage({ id }: { id: string }) {
  return null;
}
