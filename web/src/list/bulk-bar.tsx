/** What can be done with the selected jobs. Enters: them. Leaves: orders. Asks first where it should. */
import type { Job } from "@milepost/client";
import { useState } from "react";
import { formatNumber } from "../preferences/format";
import { useLocale } from "../preferences/preferences";
import { useTexts } from "../texts/texts";
import { Icon, type IconName } from "../ui/icons";
import { isAsked, namesOf, OrderDialog } from "./order-dialog";
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
  const locale = useLocale();
  const names = namesOf(t);
  const [asking, setAsking] = useState<Order>();
  const countOf = (order: Order): number => jobs.filter((job) => takes(order, job)).length;
  const selected = t.selected(formatNumber(locale, jobs.length));

  function give(order: Order): void {
    setAsking(undefined);
    onClear();
    void orders.give(order, jobs);
  }

  if (jobs.length === 0) return null;
  return (
    <div className="bulk" role="toolbar" aria-label={selected}>
      <strong aria-live="polite">{selected}</strong>
      <div className="row grow">
        {ORDERS.filter(({ order }) => jobs.some((job) => takes(order, job))).map(
          ({ order, icon }) => (
            <button
              key={order}
              type="button"
              className={order === "delete" ? "button small danger" : "button small"}
              onClick={() => (isAsked(order, countOf(order)) ? setAsking(order) : give(order))}
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
      <OrderDialog
        order={asking}
        count={asking ? countOf(asking) : 0}
        onClose={() => setAsking(undefined)}
        onOrder={give}
      />
    </div>
  );
}
