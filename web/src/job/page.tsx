/** A job's page. Enters: its id. */
export default function JobPage({ id }: { id: string }) {
  return <h1>{id}</h1>;
}
