"use client";
/**
 * Tabs.
 *
 * Enters: which there are, which is chosen; keys. Leaves: a `tablist`. Never: the panel, which
 * belongs to whoever uses them and has the id `ID-panel`.
 */

import type { Format } from "@milepost/client";
import { type KeyboardEvent, type ReactNode, useRef } from "react";
import { useTexts } from "../provider.js";

/** A view of a document. */
export type Tab = "pages" | Format;

/** Props of `Tabs`. */
export interface TabsProps {
  /** Begins the ids of the tabs and of their panel. */
  id: string;
  tabs: readonly Tab[];
  selected: Tab;
  onSelect: (tab: Tab) => void;
}

/** One tab stop; arrow keys, Home and End go from tab to tab. */
export function Tabs({ id, tabs, selected, onSelect }: TabsProps): ReactNode {
  const texts = useTexts();
  const list = useRef<HTMLDivElement>(null);
  const move = (event: KeyboardEvent) => {
    const place = tabs.indexOf(selected);
    const last = tabs.length - 1;
    const next = { ArrowLeft: place - 1, ArrowRight: place + 1, Home: 0, End: last }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    const tab = tabs[(next + tabs.length) % tabs.length];
    if (tab === undefined) return;
    onSelect(tab);
    list.current?.querySelector<HTMLElement>(`[data-tab="${tab}"]`)?.focus();
  };
  return (
    <div
      ref={list}
      className="mp-tabs"
      role="tablist"
      aria-label={texts["viewer.formats"]}
      onKeyDown={move}
    >
      {tabs.map((tab) => (
        <button
          key={tab}
          type="button"
          role="tab"
          className="mp-tab"
          id={`${id}-${tab}`}
          data-tab={tab}
          aria-selected={tab === selected}
          aria-controls={tab === selected ? `${id}-panel` : undefined}
          tabIndex={tab === selected ? 0 : -1}
          onClick={() => onSelect(tab)}
        >
          {texts[`format.${tab}`]}
        </button>
      ))}
    </div>
  );
}
