/** Why a job failed, in the server's words, and what to do about it. */
import type { Job } from "@milepost/client";
import { useState } from "react";
import { takes } from "../list/orders";
import { useTexts } from "../texts/texts";
import { Icon } from "../ui/icons";
import { AgainDialog } from "./again-dialog";

export function JobFailure({ job, shared }: { job: Job; shared: boolean }) {
  const t = useTexts();
  const [open, setOpen] = useState(false);
  const { error } = job;
  if (!error) return null;
  const locked = error.code === "document_encrypted" && takes("again", job);
  return (
    <section className="notice bad job-failure" role="alert">
      <Icon name="alert" />
      <div className="grow stack tight">
        <strong>{t.failures[error.code] ?? error.message}</strong>
        {!shared && <span>{t.whatToDo[error.code]}</span>}
        {t.failures[error.code] && <span className="small">{error.message}</span>}
      </div>
      {!shared && locked && (
        <button type="button" className="button" onClick={() => setOpen(true)}>
          <Icon name="key" />
          {t.convertAgain}
        </button>
      )}
      <AgainDialog job={job} open={open} onClose={() => setOpen(false)} />
    </section>
  );
}
