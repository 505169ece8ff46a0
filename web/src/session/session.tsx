/**
 * Who uses the app, and what the server can do. Enters: the server's answers. Leaves: both, to
 * every screen. What is not known yet is `undefined`, and keeps no screen from showing, unless a
 * session has ended here: then nothing of its owner is shown before the next one.
 */
import type { Info, Session } from "@milepost/client";
import {
  createContext,
  type ReactNode,
  useContext,
  useEffect,
  useMemo,
  useState,
  useSyncExternalStore,
} from "react";
import { useLocation } from "wouter";
import { client, onSignedOut } from "../client";
import { forgetCopies, forgetOwner } from "../offline/worker-client";
import { leave, renew } from "../settings/push";
import { lock } from "./lock";
import { dropOwner, lastOwner, noteOwner, onOwnerChange } from "./owner";

interface Known {
  readonly info: Info | undefined;
  readonly session: Session | undefined;
  /** Whose copies and waiting submissions are here: without a connection, the last one's. */
  readonly owner: string | undefined;
  /** Whether a session has ended here, and no other has come. */
  readonly shut: boolean;
}

const Context = createContext<Known>({
  info: undefined,
  session: undefined,
  owner: undefined,
  shut: false,
});

/** The address that asks to sign in, and leads back to `from` then. */
export const loginPath = (from: string): string => `/app/login?next=${encodeURIComponent(from)}`;

export function SessionProvider({ children }: { children: ReactNode }) {
  const [info, setInfo] = useState<Info>();
  const [session, setSession] = useState<Session>();
  // Whether the server was asked for the session; without a connection it cannot be.
  const [asked, setAsked] = useState(!navigator.onLine);
  const shut = useSyncExternalStore(lock.subscribe, lock.get);
  const [path, navigate] = useLocation();

  useEffect(
    () =>
      onSignedOut(() => {
        lock.shut();
        setSession(undefined);
        setAsked(true);
        // Without storage for them there are none.
        forgetCopies().catch(() => undefined);
      }),
    [],
  );

  useEffect(() => {
    if (!shut || !asked || path === "/app/login") return;
    navigate(loginPath(location.pathname + location.search), { replace: true });
  }, [shut, asked, path, navigate]);

  // A new page: nothing of the one who was signed in is left in it, or sent under another's name.
  useEffect(() => onOwnerChange(() => location.reload()), []);

  useEffect(() => {
    let gone = false;
    const load = async (): Promise<void> => {
      // An answer that came behind the session's end may have been kept after all.
      if (lock.get()) await forgetCopies().catch(() => undefined);
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
      if (gone) return;
      setAsked(true);
      if (session.status === "rejected" || info.status === "rejected") return;
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
    () => ({ info, session, owner: session?.owner ?? lastOwner(), shut }),
    [info, session, shut],
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
