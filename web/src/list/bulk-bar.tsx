/** What can be done with the selected jobs. Enters: them. Leaves: orders. Asks before it deletes. */
import type { Job } from "@milepost/client";
import { useState } from "react";
import { useTexts } from "../texts/texts";
import { Icon, type IconName } from "../ui/icons";
import { DeleteDialog } from "./delete-dialog";
import { type Order, type Orders, takes } from "./orders";

interface BulkBarProps {
  readonly jobs: readonly Job[];
  readonly orders: Orders;
  readonly onClear: () => void;
}

const ORDERS: readonly { readonly order: Order; readonly icon: IconName }[] = [
  { order: "confirm", icon: "check" },
  { order: "cancel", icon: "close" },
  { order: "retry", icon: "retry" },
  { order: "again", icon: "again" },
  { order: "delete", icon: "trash" },
];

export function BulkBar({ jobs, orders, onClear }: BulkBarProps) {
  const t = useTexts();
  const [deleting, setDeleting] = useState(false);
  const names: Record<Order, string> = {
    confirm: t.confirm,
    cancel: t.cancel,
    retry: t.retry,
    again: t.convertAgain,
    delete: t.delete,
  };

  async function give(order: Order): Promise<void> {
    if (order === "delete" && !deleting) return setDeleting(true);
    setDeleting(false);
    onClear();
    await orders.give(order, jobs);
  }

  if (jobs.length === 0) return null;
  return (
    <div className="bulk" role="toolbar" aria-label={t.selected(jobs.length)}>
      <strong aria-live="polite">{t.selected(jobs.length)}</strong>
      <div className="row grow">
        {ORDERS.filter(({ order }) => jobs.some((job) => takes(order, job))).map(
          ({ order, icon }) => (
            <button
              key={order}
              type="button"
              className={order === "delete" ? "button small danger" : "button small"}
              onClick={() => void give(order)}
            >
              <Icon name={icon} />
              {names[order]}
            </button>
          ),
        )}
      </div>
      <button type="button" className="button small quiet" data-shortcut="Escape" onClick={onClear}>
        {t.clearSelection}
      </button>
      <DeleteDialog
        open={deleting}
        count={jobs.filter((job) => takes("delete", job)).length}
        onClose={() => setDeleting(false)}
        onDelete={() => void give("delete")}
      />
    </div>
  );
}
