/**
 * Signs in. Enters: a key or token, which leaves at once for a session's cookie. Never keeps it;
 * never leads to another site.
 */
import type { MilepostError } from "@milepost/client";
import { useMilepost } from "@milepost/react";
import { type FormEvent, useId, useState } from "react";
import { useSearchParams } from "wouter";
import { useTexts } from "../texts/texts";
import { Icon } from "../ui/icons";
import { useTitle } from "../ui/use-title";
import { pathAfterLogin } from "./next";
import { lastOwner, noteOwner } from "./owner";

export function LoginPage() {
  const t = useTexts();
  const client = useMilepost();
  const [search] = useSearchParams();
  const [token, setToken] = useState("");
  const [error, setError] = useState<string>();
  const [busy, setBusy] = useState(false);
  const field = useId();
  const next = search.get("next");
  // Somebody was signed in before, and did not sign out.
  const ended = next !== null && lastOwner() !== undefined;
  useTitle(t.login);

  async function submit(event: FormEvent): Promise<void> {
    event.preventDefault();
    setBusy(true);
    setError(undefined);
    try {
      const { owner } = await client.session.login(token.trim());
      await noteOwner(owner).catch(() => undefined);
      // A new page: nothing of what was asked without a session is left in it.
      location.assign(pathAfterLogin(next));
    } catch (caught) {
      const { status, message } = caught as MilepostError;
      setError(status === 401 ? t.loginWrong : message);
      setBusy(false);
    }
  }

  return (
    <form className="card login stack" onSubmit={submit}>
      <img src="/app/icons/mark.svg" alt="" width="48" height="48" />
      <h1>{t.login}</h1>
      {ended && <p className="soft">{t.sessionEnded}</p>}
      <div className="field">
        <label htmlFor={field}>{t.token}</label>
        <input
          id={field}
          className="input mono"
          type="password"
          autoComplete="current-password"
          spellCheck={false}
          required
          value={token}
          onChange={(event) => setToken(event.target.value)}
          aria-describedby={`${field}-hint`}
          aria-invalid={error !== undefined}
        />
        <p id={`${field}-hint`} className="hint">
          {t.loginHint}
        </p>
      </div>
      {error && (
        <div className="notice bad" role="alert">
          <Icon name="alert" />
          <span>{error}</span>
        </div>
      )}
      <button type="submit" className="button primary" disabled={busy || token.trim() === ""}>
        {t.login}
      </button>
    </form>
  );
}
