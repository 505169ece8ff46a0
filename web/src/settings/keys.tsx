/** The server's API keys, for administrators: what there is, and to revoke it. */
import type { ApiKey, MilepostError } from "@milepost/client";
import { useMilepost } from "@milepost/react";
import { useState } from "react";
import { formatAge, formatTime } from "../preferences/format";
import { useLocale } from "../preferences/preferences";
import { useTexts } from "../texts/texts";
import { Dialog } from "../ui/dialog";
import { Icon } from "../ui/icons";
import { Failure, Skeleton } from "../ui/states";
import { useToast } from "../ui/toasts";
import { useLoad } from "../ui/use-load";
import { useNow } from "../ui/use-now";
import { NewKey } from "./new-key";

export function Keys() {
  const t = useTexts();
  const client = useMilepost();
  const toast = useToast();
  const [revoking, setRevoking] = useState<ApiKey>();
  const { value, error, loading, reload } = useLoad("keys", () => client.keys.list({ limit: 200 }));

  async function revoke({ id }: ApiKey): Promise<void> {
    setRevoking(undefined);
    try {
      await client.keys.revoke(id);
      reload();
    } catch (caught) {
      toast("bad", (caught as MilepostError).message);
    }
  }

  return (
    <section className="card padded stack">
      <div className="row">
        <div className="grow">
          <h2>{t.apiKeys}</h2>
          <p className="hint">{t.apiKeysHint}</p>
        </div>
        <NewKey onCreated={reload} />
      </div>
      {error && <Failure error={error} onRetry={reload} />}
      {loading && <Skeleton lines={3} />}
      {value?.items.length === 0 && <p className="soft">{t.noKeys}</p>}
      <ul className="keys">
        {value?.items.map((key) => (
          <KeyRow key={key.id} apiKey={key} onRevoke={setRevoking} />
        ))}
      </ul>
      <Dialog
        open={revoking !== undefined}
        title={t.revokeTitle(revoking?.name ?? "")}
        onClose={() => setRevoking(undefined)}
      >
        <p>{t.revokeHint}</p>
        <div className="row end">
          <button type="button" className="button" onClick={() => setRevoking(undefined)}>
            {t.keep}
          </button>
          <button
            type="button"
            className="button danger"
            onClick={() => revoking && void revoke(revoking)}
          >
            {t.revoke}
          </button>
        </div>
      </Dialog>
    </section>
  );
}

function KeyRow({ apiKey, onRevoke }: { apiKey: ApiKey; onRevoke: (key: ApiKey) => void }) {
  const t = useTexts();
  const locale = useLocale();
  const now = useNow();
  const { name, owner, start, scopes, used_at, expires_at, revoked_at } = apiKey;
  const facts = [
    owner,
    scopes.map((scope) => t.scopes[scope] ?? scope).join(", "),
    used_at ? t.keyUsed(formatAge(locale, used_at, now)) : t.keyNeverUsed,
    ...(expires_at ? [t.keyExpires(formatTime(locale, expires_at))] : []),
  ];
  return (
    <li className={revoked_at ? "key revoked" : "key"}>
      <Icon name="key" />
      <div className="grow">
        <div>
          <strong>{name}</strong> <code className="soft">{start}…</code>
        </div>
        <div className="small soft">{facts.join(" · ")}</div>
      </div>
      {revoked_at ? (
        <span className="badge">{t.keyRevoked}</span>
      ) : (
        <button type="button" className="button small danger" onClick={() => onRevoke(apiKey)}>
          <span aria-hidden="true">{t.revoke}</span>
          <span className="visually-hidden">{t.revokeNamed(name)}</span>
        </button>
      )}
    </li>
  );
}
