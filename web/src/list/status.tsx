/** A job's status as a badge, the same in every list. */
import type { Status } from "@milepost/client";
import { useTexts } from "../texts/texts";
import { Icon, type IconName } from "../ui/icons";

const LOOKS: Record<Status, { readonly look: string; readonly icon: IconName }> = {
  awaiting: { look: "waiting", icon: "clock" },
  queued: { look: "waiting", icon: "clock" },
  running: { look: "running", icon: "activity" },
  completed: { look: "completed", icon: "check" },
  failed: { look: "failed", icon: "alert" },
  cancelled: { look: "", icon: "close" },
};

export function StatusBadge({ status }: { status: Status }) {
  const t = useTexts();
  const { look, icon } = LOOKS[status];
  return (
    <span className={`badge ${look}`}>
      <Icon name={icon} />
      {t.statuses[status] ?? status}
    </span>
  );
}
