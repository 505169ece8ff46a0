/**
 * Documents on their way to the server, wherever in the app one is. Enters: files, texts, URLs.
 * Leaves: those that are being sent, those that wait for the connection, those that were refused.
 * What has become a job leaves this list: it stands in the list of jobs then.
 */
import type { Source } from "@milepost/client";
import { type SubmitItem, useConnection, useMilepost, useSubmit } from "@milepost/react";
import {
  createContext,
  type ReactNode,
  useCallback,
  useContext,
  useEffect,
  useMemo,
  useState,
} from "react";
import { box, flushBox, onBoxChange, type Waiting } from "../offline/outbox";
import { sendLater } from "../offline/worker-client";
import { useSession } from "../session/session";
import { submissionOf, type UploadSettings } from "./settings";

interface Uploads {
  readonly items: readonly SubmitItem[];
  readonly waiting: readonly Waiting[];
  readonly settings: UploadSettings;
  setSettings(settings: UploadSettings): void;
  /** Sends documents, by these settings in the place of the present ones. */
  add(sources: readonly Source[], own?: UploadSettings): void;
  retry(key: string): void;
  remove(key: string): void;
  removeWaiting(key: string): void;
}

const Context = createContext<Uploads | undefined>(undefined);

/** What waits, of this owner, kept up to date over all tabs. */
function useWaiting(owner: string | undefined): readonly Waiting[] {
  const [waiting, setWaiting] = useState<readonly Waiting[]>([]);
  useEffect(() => {
    // Without IndexedDB, as in some private windows, nothing waits.
    const read = (): void => void box.all().then(setWaiting, () => undefined);
    read();
    return onBoxChange(read);
  }, []);
  return useMemo(() => waiting.filter((entry) => entry.owner === owner), [waiting, owner]);
}

export function UploadsProvider({ children }: { children: ReactNode }) {
  const client = useMilepost();
  const { status } = useConnection();
  const { owner } = useSession();
  const { items, submitAll, retry, remove } = useSubmit();
  const [settings, setSettings] = useState<UploadSettings>({ pipeline: "convert", options: {} });
  const waiting = useWaiting(owner);

  const add = useCallback(
    (sources: readonly Source[], own: UploadSettings = settings) => {
      void submitAll(sources, submissionOf(own));
    },
    [submitAll, settings],
  );

  // What could not leave goes to the box; what has become a job leaves the list.
  useEffect(() => {
    for (const item of items) {
      const { key, state, error, source, options, name = "" } = item;
      if (state === "submitted") remove(key);
      if (state !== "failed" || error?.code !== "network" || owner === undefined) continue;
      const { idempotencyKey } = options;
      // A password is not written to the disk: such an item stays here, to be retried by hand.
      if (options.options?.password !== undefined || idempotencyKey === undefined) continue;
      const kept = { key: idempotencyKey, owner, name, addedAt: Date.now(), source, options };
      // Where the browser has no room for it, it stays here, to be retried by hand.
      const moved = (): void => {
        remove(key);
        void sendLater();
      };
      box.put(kept).then(moved, () => undefined);
    }
  }, [items, owner, remove]);

  // A document that is being sent would be lost with its tab: the browser asks before.
  const sending = items.some(({ state }) => state === "waiting" || state === "sending");
  useEffect(() => {
    if (!sending) return;
    const ask = (event: BeforeUnloadEvent): void => event.preventDefault();
    addEventListener("beforeunload", ask);
    return () => removeEventListener("beforeunload", ask);
  }, [sending]);

  // Sends what waits as soon as there is a connection, or the browser believes so.
  const some = waiting.some(({ refused }) => refused === undefined);
  useEffect(() => {
    if (owner === undefined || !some) return;
    const send = (): void => void flushBox(client).catch(() => undefined);
    if (status === "live" || status === "polling" || navigator.onLine) send();
    addEventListener("online", send);
    return () => removeEventListener("online", send);
  }, [client, owner, some, status]);

  const uploads = useMemo(
    () => ({
      items: items.filter(({ state }) => state !== "submitted" && state !== "cancelled"),
      waiting,
      settings,
      setSettings,
      add,
      retry,
      remove,
      removeWaiting: (key: string) => void box.delete(key),
    }),
    [items, waiting, settings, add, retry, remove],
  );
  return <Context value={uploads}>{children}</Context>;
}

export function useUploads(): Uploads {
  const uploads = useContext(Context);
  if (!uploads) throw new Error("useUploads is used outside of UploadsProvider.");
  return uploads;
}
