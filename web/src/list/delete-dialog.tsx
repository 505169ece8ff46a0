/** Asks before jobs are deleted, since that cannot be undone. */
import { useTexts } from "../texts/texts";
import { Dialog } from "../ui/dialog";

interface DeleteDialogProps {
  readonly open: boolean;
  readonly count: number;
  readonly onClose: () => void;
  readonly onDelete: () => void;
}

export function DeleteDialog({ open, count, onClose, onDelete }: DeleteDialogProps) {
  const t = useTexts();
  return (
    <Dialog open={open} title={t.deleteTitle(count)} onClose={onClose}>
      <p>{t.deleteHint}</p>
      <div className="row end">
        <button type="button" className="button" onClick={onClose}>
          {t.keep}
        </button>
        <button type="button" className="button danger" onClick={onDelete}>
          {t.delete}
        </button>
      </div>
    </Dialog>
  );
}
