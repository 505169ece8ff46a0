/**
 * Makes and revokes links to a job. The token stands behind the link's `#`: browsers keep that part
 * to themselves, so it is in no server's log.
 */
import type { Job, MilepostError } from "@milepost/client";
import { useMilepost } from "@milepost/react";
import { useId, useState } from "react";
import { formatTime } from "../preferences/format";
import { useLocale } from "../preferences/preferences";
import { useTexts } from "../texts/texts";
import { CopyField } from "../ui/copy-field";
import { Dialog } from "../ui/dialog";

interface ShareDialogProps {
  readonly job: Job;
  readonly open: boolean;
  readonly onClose: () => void;
}

const DAY = 86_400;

export function ShareDialog({ job, open, onClose }: ShareDialogProps) {
  const t = useTexts();
  const locale = useLocale();
  const client = useMilepost();
  const field = useId();
  const [seconds, setSeconds] = useState(DAY);
  const [made, setMade] = useState<{ link: string; ends: string }>();
  const [said, setSaid] = useState<{ good: boolean; text: string }>();

  async function make(): Promise<void> {
    setSaid(undefined);
    try {
      const { token, expiresAt } = await client.share(job.id, { expiresIn: seconds });
      const link = new URL(`/app/jobs/${job.id}`, location.origin);
      link.hash = new URLSearchParams({ token }).toString();
      setMade({ link: link.href, ends: expiresAt });
    } catch (error) {
      setSaid({ good: false, text: (error as MilepostError).message });
    }
  }

  async function revoke(): Promise<void> {
    try {
      await client.unshare(job.id);
      setMade(undefined);
      setSaid({ good: true, text: t.revoked });
    } catch (error) {
      setSaid({ good: false, text: (error as MilepostError).message });
    }
  }

  return (
    <Dialog open={open} title={t.shareTitle} onClose={onClose}>
      <p className="soft">{t.shareHint}</p>
      <div className="row bottom">
        <div className="field grow">
          <label htmlFor={field}>{t.shareFor}</label>
          <select
            id={field}
            className="input"
            value={seconds}
            onChange={({ target }) => setSeconds(Number(target.value))}
          >
            {t.shareDurations.map(([value, name]) => (
              <option key={value} value={value}>
                {name}
              </option>
            ))}
          </select>
        </div>
        <button type="button" className="button primary" onClick={() => void make()}>
          {t.makeLink}
        </button>
      </div>
      {made && (
        <>
          <CopyField label={t.link} value={made.link} />
          <p className="hint">{t.linkEnds(formatTime(locale, made.ends))}</p>
        </>
      )}
      {said && (
        <p className={said.good ? "notice good" : "notice bad"} role="status">
          {said.text}
        </p>
      )}
      <button type="button" className="button danger" onClick={() => void revoke()}>
        {t.revokeLinks}
      </button>
    </Dialog>
  );
}
