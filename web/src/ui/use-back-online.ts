/** Asks again when the connection is back. Enters: what went wrong, and how to ask. */
import type { MilepostError } from "@milepost/client";
import { useEffect } from "react";

export function useBackOnline(error: MilepostError | undefined, again: () => void): void {
  const cut = error?.code === "network";
  useEffect(() => {
    if (!cut) return;
    addEventListener("online", again);
    return () => removeEventListener("online", again);
  }, [cut, again]);
}
