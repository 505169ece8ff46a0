/** What is on its way to the server: being sent, waiting for the connection, refused. */
import { faultText, type SubmitItem, useTexts as useComponentTexts } from "@milepost/react";
import type { Waiting } from "../offline/outbox";
import { formatShare } from "../preferences/format";
import { useLocale } from "../preferences/preferences";
import { useTexts } from "../texts/texts";
import { Icon } from "../ui/icons";
import { useUploads } from "./uploads";

export function OutboxPanel() {
  const t = useTexts();
  const { items, waiting } = useUploads();
  if (items.length + waiting.length === 0) return null;
  return (
    <section className="card outbox" aria-label={t.outbox}>
      <ul>
        {items.map((item) => (
          <SendingRow key={item.key} item={item} />
        ))}
        {waiting.map((entry) => (
          <WaitingRow key={entry.key} entry={entry} />
        ))}
      </ul>
    </section>
  );
}

function SendingRow({ item }: { item: SubmitItem }) {
  const t = useTexts();
  const locale = useLocale();
  const { retry, remove } = useUploads();
  const { key, name = t.untitled, state, sent, total, error, options } = item;
  const texts = useComponentTexts();
  const unsent = error?.code === "network" && options.options?.password !== undefined;
  const share = total > 0 ? sent / total : 0;
  return (
    <li className="outbox-row">
      <Icon name={state === "failed" ? "alert" : "upload"} />
      <div className="grow">
        <div className="outbox-name">{name}</div>
        {state === "failed" ? (
          <div className="small bad-text" role="alert">
            {unsent ? t.passwordOffline : error && faultText(error, texts)}
          </div>
        ) : (
          <>
            <progress className="bar" value={share} max={1} aria-label={name} />
            <div className="small soft numeric">
              {state === "waiting"
                ? texts["upload.waiting"]
                : t.sending(formatShare(locale, share))}
            </div>
          </>
        )}
      </div>
      {state === "failed" && error?.code !== "body_too_large" && (
        <button type="button" className="button small" onClick={() => retry(key)}>
          <Icon name="retry" />
          <span aria-hidden="true">{t.retry}</span>
          <span className="visually-hidden">{t.retryNamed(name)}</span>
        </button>
      )}
      <button type="button" className="button quiet icon" onClick={() => remove(key)}>
        <Icon name="close" />
        <span className="visually-hidden">
          {state === "failed" ? t.removeNamed(name) : t.cancelNamed(name)}
        </span>
      </button>
    </li>
  );
}

function WaitingRow({ entry }: { entry: Waiting }) {
  const t = useTexts();
  const { removeWaiting } = useUploads();
  const { key, name, refused } = entry;
  const shown = name || t.untitled;
  return (
    <li className="outbox-row">
      <Icon name={refused === undefined ? "clock" : "alert"} />
      <div className="grow">
        <div className="outbox-name">{shown}</div>
        <div className={refused === undefined ? "small soft" : "small bad-text"}>
          {refused ?? t.waitingForConnection}
        </div>
      </div>
      <button type="button" className="button quiet icon" onClick={() => removeWaiting(key)}>
        <Icon name="close" />
        <span className="visually-hidden">
          {refused === undefined ? t.cancelNamed(shown) : t.removeNamed(shown)}
        </span>
      </button>
    </li>
  );
}
