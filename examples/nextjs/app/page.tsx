/** The page, a component of the server: it reads the setting and hands it on. */
import { Documents } from "./documents";

// MILEPOST_URL is that of the running server, not of the build.
export const dynamic = "force-dynamic";

export default function Page() {
  return (
    <main>
      <h1>Documents</h1>
      <Documents baseUrl={process.env.MILEPOST_URL ?? "http://127.0.0.1:8080"} />
    </main>
  );
}
