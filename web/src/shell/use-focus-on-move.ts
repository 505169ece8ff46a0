/**
 * Moves the focus to the content when the screen changes, so that keyboards and screen readers go
 * on there. Not at the first screen, whose top the browser announces.
 */
import { type RefObject, useEffect, useRef } from "react";
import { useLocation } from "wouter";

export function useFocusOnMove(): RefObject<HTMLElement | null> {
  const [path] = useLocation();
  const element = useRef<HTMLElement>(null);
  const last = useRef(path);
  useEffect(() => {
    if (last.current === path) return;
    last.current = path;
    const inside = element.current?.querySelector<HTMLElement>("[data-first-focus]");
    (inside ?? element.current)?.focus({ preventScroll: true });
    scrollTo(0, 0);
  }, [path]);
  return element;
}
