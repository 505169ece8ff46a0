/** What can be done with a job now. Enters: the job. Leaves: orders, downloads, dialogs. */
import type { Job } from "@milepost/client";
import { isTerminal } from "@milepost/client";
import { useState } from "react";
import { useLocation } from "wouter";
import { OrderDialog } from "../list/order-dialog";
import { takes, useOrders } from "../list/orders";
import { useTexts } from "../texts/texts";
import { Icon } from "../ui/icons";
import { nameOf } from "../ui/names";
import { AgainDialog } from "./again-dialog";
import { DownloadMenu } from "./download-menu";
import { ShareDialog } from "./share-dialog";

type Open = "share" | "again" | "delete" | undefined;

export function JobActions({ job, shared }: { job: Job; shared: boolean }) {
  const t = useTexts();
  const [, navigate] = useLocation();
  const orders = useOrders();
  const [open, setOpen] = useState<Open>();
  const name = nameOf(job, t);
  const close = (): void => setOpen(undefined);
  if (shared) return <DownloadMenu job={job} />;

  return (
    <div className="row job-actions">
      {takes("confirm", job) && (
        <button
          type="button"
          className="button primary"
          onClick={() => void orders.give("confirm", [job])}
        >
          <Icon name="check" />
          <span aria-hidden="true">{t.confirm}</span>
          <span className="visually-hidden">{t.confirmNamed(name)}</span>
        </button>
      )}
      {takes("cancel", job) && (
        <button type="button" className="button" onClick={() => void orders.give("cancel", [job])}>
          <Icon name="close" />
          <span aria-hidden="true">{t.cancel}</span>
          <span className="visually-hidden">{t.cancelNamed(name)}</span>
        </button>
      )}
      {takes("retry", job) && (
        <button type="button" className="button" onClick={() => void orders.give("retry", [job])}>
          <Icon name="retry" />
          <span aria-hidden="true">{t.retry}</span>
          <span className="visually-hidden">{t.retryNamed(name)}</span>
        </button>
      )}
      <DownloadMenu job={job} />
      <button type="button" className="button" onClick={() => setOpen("share")}>
        <Icon name="share" />
        {t.share}
      </button>
      {isTerminal(job.status) && takes("again", job) && (
        <button type="button" className="button" onClick={() => setOpen("again")}>
          <Icon name="again" />
          {t.convertAgain}
        </button>
      )}
      {takes("delete", job) && (
        <button type="button" className="button danger" onClick={() => setOpen("delete")}>
          <Icon name="trash" />
          {t.delete}
        </button>
      )}
      <ShareDialog job={job} open={open === "share"} onClose={close} />
      <AgainDialog job={job} open={open === "again"} onClose={close} />
      <OrderDialog
        order={open === "delete" ? open : undefined}
        count={1}
        onClose={close}
        onOrder={(order) => {
          close();
          void orders.give(order, [job]).then(() => navigate("/"));
        }}
      />
    </div>
  );
}
