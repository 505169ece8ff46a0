/** Asks before jobs are deleted, since that cannot be undone, and before an order to many. */
import { formatNumber } from "../preferences/format";
import { useLocale } from "../preferences/preferences";
import { type Texts, useTexts } from "../texts/texts";
import { Dialog } from "../ui/dialog";
import { MANY } from "./bulk";
import type { Order } from "./orders";

interface OrderDialogProps {
  /** What is asked about; nothing is, where it is `undefined`. */
  readonly order: Order | undefined;
  readonly count: number;
  readonly onClose: () => void;
  readonly onOrder: (order: Order) => void;
}

/** The orders' names, as their buttons have them. */
export const namesOf = (t: Texts): Record<Order, string> => ({
  confirm: t.confirm,
  cancel: t.cancel,
  retry: t.retry,
  again: t.convertAgain,
  delete: t.delete,
});

/** Whether an order to so many jobs is asked about. */
export const isAsked = (order: Order, count: number): boolean => order === "delete" || count > MANY;

export function OrderDialog({ order, count, onClose, onOrder }: OrderDialogProps) {
  const t = useTexts();
  const locale = useLocale();
  const title = order ? t.orderTitle[order](formatNumber(locale, count)) : "";
  return (
    <Dialog open={order !== undefined} title={title} onClose={onClose}>
      {order === "delete" && <p>{t.deleteHint}</p>}
      {count > MANY && <p>{t.manyHint}</p>}
      {order && (
        <div className="row end">
          <button type="button" className="button" onClick={onClose}>
            {order === "delete" ? t.keep : t.goBack}
          </button>
          <button
            type="button"
            className={order === "delete" ? "button danger" : "button primary"}
            onClick={() => onOrder(order)}
          >
            {namesOf(t)[order]}
          </button>
        </div>
      )}
    </Dialog>
  );
}
