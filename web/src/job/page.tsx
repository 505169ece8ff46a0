/**
 * A job's page, for its owner or, by a link with a token, for whoever has the link. Enters: the
 * job's id, and the token behind the `#`, which browsers send to nobody. Never keeps that token.
 */
import { Milepost } from "@milepost/client";
import { MilepostProvider } from "@milepost/react";
import { useEffect, useState } from "react";
import { useLocale } from "../preferences/preferences";
import { JobView } from "./view";
import "../styles/job.css";

const tokenOf = (hash: string): string | undefined =>
  new URLSearchParams(hash.slice(1)).get("token") ?? undefined;

export default function JobPage({ id }: { id: string }) {
  const [token] = useState(() => tokenOf(location.hash));
  return token === undefined ? <JobView id={id} /> : <SharedJob id={id} token={token} />;
}

function SharedJob({ id, token }: { id: string; token: string }) {
  const locale = useLocale();
  const [client, setClient] = useState<Milepost>();
  useEffect(() => {
    // Another user than that of the page, even where somebody is signed in: nothing is shared.
    const made = new Milepost({ baseUrl: location.origin, token, shareTabs: false });
    setClient(made);
    return () => made.close();
  }, [token]);
  if (!client) return null;
  return (
    <MilepostProvider client={client} locale={locale}>
      <JobView id={id} shared />
    </MilepostProvider>
  );
}
