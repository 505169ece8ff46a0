/** Converts a job's document once more, with other pages, a password, other formats. */
import type { Job, MilepostError } from "@milepost/client";
import { type FormEvent, useState } from "react";
import { useLocation } from "wouter";
import { useOrders } from "../list/orders";
import { useSession } from "../session/session";
import { useTexts } from "../texts/texts";
import { Dialog } from "../ui/dialog";
import { OptionsForm } from "../uploads/options-form";
import { submissionOf, type UploadSettings } from "../uploads/settings";

interface AgainDialogProps {
  readonly job: Job;
  readonly open: boolean;
  readonly onClose: () => void;
  /** Called in the place of opening the new job. */
  readonly onStarted?: () => void;
}

export function AgainDialog({ job, open, onClose, onStarted }: AgainDialogProps) {
  const t = useTexts();
  const { info } = useSession();
  const orders = useOrders();
  const [, navigate] = useLocation();
  const [settings, setSettings] = useState<UploadSettings>({
    pipeline: job.pipeline,
    options: {},
    collection: job.collection ?? "",
  });
  const [error, setError] = useState<string>();

  async function submit(event: FormEvent): Promise<void> {
    event.preventDefault();
    setError(undefined);
    try {
      const { id } = await orders.again(job, submissionOf(settings));
      onClose();
      if (onStarted) onStarted();
      else navigate(`/app/jobs/${id}`);
    } catch (caught) {
      setError((caught as MilepostError).message);
    }
  }

  return (
    <Dialog open={open} title={t.againTitle} onClose={onClose}>
      <form className="stack" onSubmit={submit}>
        <OptionsForm
          pipelines={info?.pipelines ?? [job.pipeline]}
          formats={info?.formats ?? []}
          settings={settings}
          onChange={setSettings}
        />
        {error && (
          <p className="notice bad" role="alert">
            {error}
          </p>
        )}
        <div className="row end">
          <button type="submit" className="button primary">
            {t.againStart}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
