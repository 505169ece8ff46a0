/** A list of any length inside a view, of which only the rows in sight are drawn. */
import { useVirtualizer } from "@tanstack/react-virtual";
import { type ReactNode, useRef } from "react";

interface LongListProps<T> {
  readonly items: readonly T[];
  readonly estimate: number;
  readonly render: (item: T, index: number) => ReactNode;
}

export function LongList<T>({ items, estimate, render }: LongListProps<T>) {
  const frame = useRef<HTMLDivElement>(null);
  const virtualizer = useVirtualizer({
    count: items.length,
    estimateSize: () => estimate,
    getScrollElement: () => frame.current,
    overscan: 8,
  });
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: keyboards scroll it.
    <div ref={frame} className="long-list" tabIndex={0}>
      <ol style={{ height: virtualizer.getTotalSize() }}>
        {virtualizer.getVirtualItems().map(({ index, key, start }) => {
          const item = items[index];
          return (
            item !== undefined && (
              <li
                key={key}
                ref={virtualizer.measureElement}
                data-index={index}
                aria-setsize={items.length}
                aria-posinset={index + 1}
                style={{ transform: `translateY(${start}px)` }}
              >
                {render(item, index)}
              </li>
            )
          );
        })}
      </ol>
    </div>
  );
}
