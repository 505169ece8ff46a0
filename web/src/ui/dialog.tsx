/**
 * A modal dialog over the platform's own element, which brings focus, Escape and the backdrop.
 * Enters: whether it is open. Leaves: `onClose`, however it was closed.
 */
import { type ReactNode, useEffect, useId, useRef } from "react";
import { useTexts } from "../texts/texts";
import { Icon } from "./icons";

interface DialogProps {
  readonly open: boolean;
  readonly title: string;
  readonly onClose: () => void;
  readonly children: ReactNode;
}

export function Dialog({ open, title, onClose, children }: DialogProps) {
  const element = useRef<HTMLDialogElement>(null);
  const heading = useId();
  const t = useTexts();

  useEffect(() => {
    const dialog = element.current;
    if (open && dialog && !dialog.open) dialog.showModal();
    if (!open && dialog?.open) dialog.close();
  }, [open]);

  return (
    // A click on the backdrop is a click on the dialog itself; Escape does the same for keyboards.
    // biome-ignore lint/a11y/useKeyWithClickEvents: the platform closes it on Escape.
    <dialog
      ref={element}
      className="dialog"
      aria-labelledby={heading}
      onClose={onClose}
      onClick={(event) => event.target === element.current && onClose()}
    >
      {open && (
        <div className="dialog-body">
          <div className="row">
            <h2 id={heading} className="grow">
              {title}
            </h2>
            <button type="button" className="button quiet icon" onClick={onClose}>
              <Icon name="close" />
              <span className="visually-hidden">{t.close}</span>
            </button>
          </div>
          {children}
        </div>
      )}
    </dialog>
  );
}
