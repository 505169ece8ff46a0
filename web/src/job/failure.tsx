/** Why a job failed, and what to do about it. */
import type { Job } from "@milepost/client";
import { useState } from "react";
import { needsPassword } from "../list/orders";
import { useTexts } from "../texts/texts";
import { Icon } from "../ui/icons";
import { reasonOf } from "../ui/names";
import { AgainDialog } from "./again-dialog";

export function JobFailure({ job, shared }: { job: Job; shared: boolean }) {
  const t = useTexts();
  const [open, setOpen] = useState(false);
  const { error } = job;
  if (!error) return null;
  const reason = reasonOf(error, t);
  const title = t.failures[error.code] ?? reason;
  return (
    <section className="notice bad job-failure" role="alert">
      <Icon name="alert" />
      <div className="grow stack tight">
        <strong>{title}</strong>
        {!shared && <span>{t.whatToDo[error.code]}</span>}
        {reason !== title && <span className="small">{reason}</span>}
      </div>
      {!shared && needsPassword(job) && (
        <button type="button" className="button" onClick={() => setOpen(true)}>
          <Icon name="key" />
          {t.convertAgain}
        </button>
      )}
      <AgainDialog job={job} open={open} onClose={() => setOpen(false)} />
    </section>
  );
}
