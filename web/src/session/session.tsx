/**
 * Who uses the app, and what the server can do. Enters: the server's answers. Leaves: both, to
 * every screen. Never keeps a screen from showing: what is not known yet is `undefined`.
 */
import type { Info, Session } from "@milepost/client";
import { createContext, type ReactNode, useContext, useEffect, useMemo, useState } from "react";
import { useLocation } from "wouter";
import { client, onSignedOut } from "../client";
import { forgetOwner } from "../offline/worker-client";
import { leave, renew } from "../settings/push";
import { dropOwner, lastOwner, noteOwner, onOwnerChange } from "./owner";

interface Known {
  readonly info: Info | undefined;
  readonly session: Session | undefined;
  /** Whose copies and waiting submissions are here: without a connection, the last one's. */
  readonly owner: string | undefined;
}

const Context = createContext<Known>({ info: undefined, session: undefined, owner: undefined });

/** The address that asks to sign in, and leads back to `from` then. */
export const loginPath = (from: string): string => `/app/login?next=${encodeURIComponent(from)}`;

export function SessionProvider({ children }: { children: ReactNode }) {
  const [info, setInfo] = useState<Info>();
  const [session, setSession] = useState<Session>();
  const [, navigate] = useLocation();

  useEffect(
    () =>
      onSignedOut(() => {
        if (location.pathname === "/app/login") return;
        navigate(loginPath(location.pathname + location.search), { replace: true });
      }),
    [navigate],
  );

  // A new page: nothing of the one who was signed in is left in it, or sent under another's name.
  useEffect(() => onOwnerChange(() => location.reload()), []);

  useEffect(() => {
    let gone = false;
    const load = async (): Promise<void> => {
      // Each screen shows its own errors; without these answers it shows a little less.
      const [info, session] = await Promise.allSettled([
        client.info().then((value) => {
          if (!gone) setInfo(value);
          return value;
        }),
        client.session.get().then(async (value) => {
          await noteOwner(value.owner).catch(() => undefined);
          if (!gone) setSession(value);
        }),
      ]);
      if (gone || session.status === "rejected" || info.status === "rejected") return;
      if (info.value.push) await renew(client, info.value.push.public_key).catch(() => undefined);
    };
    void load();
    addEventListener("online", load);
    return () => {
      gone = true;
      removeEventListener("online", load);
    };
  }, []);

  const known = useMemo(
    () => ({ info, session, owner: session?.owner ?? lastOwner() }),
    [info, session],
  );
  return <Context value={known}>{children}</Context>;
}

/** What is known of server and user so far. */
export function useSession(): Known {
  return useContext(Context);
}

/** Ends the session, on the server and in this browser, and loads the sign-in anew. */
export async function logout(): Promise<void> {
  try {
    await client.session.logout();
  } finally {
    dropOwner();
    await Promise.allSettled([forgetOwner(), leave()]);
    location.assign("/app/login");
  }
}
