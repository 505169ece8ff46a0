/** What a screen shows in place of content: nothing yet, not loaded yet, not to be had. */
import type { MilepostError } from "@milepost/client";
import type { ReactNode } from "react";
import { useTexts } from "../texts/texts";
import { Icon, type IconName } from "./icons";

interface EmptyProps {
  readonly icon: IconName;
  readonly title: string;
  /** Whether there is nothing else on the screen: then it is the screen's heading. */
  readonly whole?: boolean;
  readonly children?: ReactNode;
}

export function Empty({ icon, title, whole = false, children }: EmptyProps) {
  const Heading = whole ? "h1" : "h2";
  return (
    <div className="empty">
      <Icon name={icon} />
      <Heading>{title}</Heading>
      {children}
    </div>
  );
}

/** Grey bars in the place of content to come, so that nothing jumps when it arrives. */
export function Skeleton({ lines = 3, tall = false }: { lines?: number; tall?: boolean }) {
  const t = useTexts();
  return (
    <div className="stack skeletons" role="status">
      <span className="visually-hidden">{t.loading}</span>
      {Array.from({ length: lines }, (_, line) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the bars are all alike.
        <div key={line} className={tall ? "skeleton tall" : "skeleton line"} />
      ))}
    </div>
  );
}

/** An error, in the server's words, and a way on where trying again may help. */
export function Failure({ error, onRetry }: { error: MilepostError; onRetry?: () => void }) {
  const t = useTexts();
  const offline = error.code === "network" || error.code === "timeout";
  return (
    <div className="notice bad" role="alert">
      <Icon name={offline ? "offline" : "alert"} />
      <div className="grow">{offline ? t.unreachable : error.message}</div>
      {onRetry && (
        <button type="button" className="button small" onClick={onRetry}>
          {t.tryAgain}
        </button>
      )}
    </div>
  );
}
