/**
 * Short messages on the outcome of an order. Enters: texts. Leaves: a polite live region. Each
 * stays until it is closed or five more have come: nobody has to read against a clock.
 */
import { createContext, type ReactNode, useCallback, useContext, useState } from "react";
import { useTexts } from "../texts/texts";
import { Icon } from "./icons";

type Kind = "good" | "bad";

interface Toast {
  readonly id: number;
  readonly kind: Kind;
  readonly text: string;
}

const MOST = 5;
const Context = createContext<(kind: Kind, text: string) => void>(() => undefined);

export function ToastProvider({ children }: { children: ReactNode }) {
  const t = useTexts();
  const [toasts, setToasts] = useState<readonly Toast[]>([]);
  const show = useCallback((kind: Kind, text: string) => {
    setToasts((before) => [
      ...before.filter((toast) => toast.text !== text).slice(1 - MOST),
      { id: (before.at(-1)?.id ?? 0) + 1, kind, text },
    ]);
  }, []);
  const close = (id: number): void =>
    setToasts((before) => before.filter((toast) => toast.id !== id));

  return (
    <Context value={show}>
      {children}
      <div className="toasts" role="log" aria-live="polite">
        {toasts.map(({ id, kind, text }) => (
          <div key={id} className={`toast ${kind}`}>
            <Icon name={kind === "good" ? "check" : "alert"} />
            <span className="grow">{text}</span>
            <button type="button" className="button quiet icon" onClick={() => close(id)}>
              <Icon name="close" />
              <span className="visually-hidden">{t.close}</span>
            </button>
          </div>
        ))}
      </div>
    </Context>
  );
}

/** Shows a message: `toast("bad", error.message)`. */
export function useToast(): (kind: Kind, text: string) => void {
  return useContext(Context);
}
