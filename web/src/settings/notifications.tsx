/** Notifications of this browser: how they stand, and the switch. */
import type { MilepostError } from "@milepost/client";
import { useMilepost } from "@milepost/react";
import { useEffect, useState } from "react";
import { useSession } from "../session/session";
import { useTexts } from "../texts/texts";
import { Icon } from "../ui/icons";
import { useToast } from "../ui/toasts";
import { useLoad } from "../ui/use-load";
import { type PushState, pushState, subscribe, unsubscribe } from "./push";

export function Notifications() {
  const t = useTexts();
  const { info } = useSession();
  return (
    <section className="card padded stack">
      <div>
        <h2>{t.notifications}</h2>
        <p className="hint">{t.notificationsHint}</p>
      </div>
      {info?.push === null && <p>{t.pushOff}</p>}
      {info?.push && <Switch publicKey={info.push.public_key} />}
    </section>
  );
}

function Switch({ publicKey }: { publicKey: string }) {
  const t = useTexts();
  const client = useMilepost();
  const toast = useToast();
  const [state, setState] = useState<PushState>();
  const [busy, setBusy] = useState(false);
  const { value: list } = useLoad(`push ${state}`, () => client.push.list());

  useEffect(() => {
    void pushState().then(setState);
  }, []);

  async function change(to: () => Promise<PushState>): Promise<void> {
    setBusy(true);
    try {
      setState(await to());
    } catch (error) {
      toast("bad", (error as MilepostError).message);
    }
    setBusy(false);
  }

  return (
    <div className="row">
      {state === "unsupported" && <p>{t.pushUnsupported}</p>}
      {state === "denied" && <p className="notice warn">{t.pushDenied}</p>}
      {state === "off" && (
        <button
          type="button"
          className="button"
          disabled={busy}
          onClick={() => void change(() => subscribe(client, publicKey))}
        >
          <Icon name="bell" />
          {t.pushEnable}
        </button>
      )}
      {state === "on" && (
        <>
          <span>{t.pushOn}</span>
          <button
            type="button"
            className="button"
            disabled={busy}
            onClick={() => void change(() => unsubscribe(client))}
          >
            {t.pushDisable}
          </button>
        </>
      )}
      {list && list.items.length > 0 && (
        <span className="hint">{t.pushOthers(list.items.length)}</span>
      )}
    </div>
  );
}
