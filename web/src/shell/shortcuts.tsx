/**
 * The keyboard's shortcuts. Enters: keys outside of fields. Leaves: moves and clicks on what the
 * screen marks with `data-shortcut`. Never takes a key together with Ctrl, Alt or Meta.
 */
import { useEffect, useState } from "react";
import { useLocation } from "wouter";
import { useTexts } from "../texts/texts";
import { Dialog } from "../ui/dialog";

const PLACES: Record<string, string> = {
  d: "/",
  c: "/app/collections",
  f: "/app/search",
  m: "/app/monitor",
  s: "/app/settings",
};

const isField = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement &&
  target.closest("input:not([type=checkbox], [type=radio]), textarea, select") !== null;

/** Focuses the link of the row after, or before, the one that has the focus. */
function moveInList(step: 1 | -1): void {
  const links = [...document.querySelectorAll<HTMLElement>("[data-row-link], [data-hit]")];
  const row = document.activeElement?.closest("tr, li");
  const here = links.findIndex((link) => row?.contains(link));
  const next = here < 0 ? (step > 0 ? links[0] : links.at(-1)) : links[here + step];
  next?.focus();
  next?.scrollIntoView({ block: "nearest" });
}

function activate(key: string): boolean {
  const target = document.querySelector<HTMLElement>(`[data-shortcut="${CSS.escape(key)}"]`);
  if (!target) return false;
  if (target instanceof HTMLInputElement) target.focus();
  else target.click();
  return true;
}

export function Shortcuts() {
  const t = useTexts();
  const [, navigate] = useLocation();
  const [open, setOpen] = useState(false);

  useEffect(() => {
    let before = "";
    const press = (event: KeyboardEvent): void => {
      const { key } = event;
      const leader = before;
      before = "";
      if (event.ctrlKey || event.altKey || event.metaKey || isField(event.target)) return;
      if (document.querySelector("dialog[open]")) return;
      const place = PLACES[key];
      if (leader === "g" && place !== undefined) navigate(place);
      else if (key === "g") before = "g";
      else if (key === "?") setOpen(true);
      else if (key === "j" || key === "k") moveInList(key === "j" ? 1 : -1);
      else if (key === "x") {
        const row = document.activeElement?.closest("tr");
        row?.querySelector<HTMLElement>("input[type=checkbox]")?.click();
      } else if (!activate(key)) {
        // Screens without a search of their own lead to the one for all collections.
        if (key !== "/") return;
        navigate("/app/search");
      }
      event.preventDefault();
    };
    document.addEventListener("keydown", press);
    return () => document.removeEventListener("keydown", press);
  }, [navigate]);

  return (
    <Dialog open={open} title={t.shortcuts} onClose={() => setOpen(false)}>
      <dl className="shortcuts">
        {t.shortcutList.map(([keys, meaning]) => (
          <div key={keys}>
            <dt>
              {keys.split(/ +/).map((one) => (
                <kbd key={one}>{one}</kbd>
              ))}
            </dt>
            <dd>{meaning}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}
