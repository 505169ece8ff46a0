/** The title of the tab. Enters: the screen's name. Leaves: it, before the app's. */
import { useEffect } from "react";

export function useTitle(name: string | undefined): void {
  useEffect(() => {
    document.title = name ? `${name} · Milepost` : "Milepost";
  }, [name]);
}
