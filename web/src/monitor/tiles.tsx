/** The server at a glance. Enters: its statistics and the rate of late. */
import type { Stats } from "@milepost/client";
import { formatBytes, formatNumber, formatShare } from "../preferences/format";
import { useLocale } from "../preferences/preferences";
import { useTexts } from "../texts/texts";
import { waitingOf } from "./stats";

interface TileProps {
  readonly name: string;
  readonly value: string;
  readonly note: string;
}

function Tile({ name, value, note }: TileProps) {
  return (
    <div className="card tile">
      <dt className="small soft">{name}</dt>
      <dd>
        <span className="tile-value numeric">{value}</span>
        <span className="small soft">{note}</span>
      </dd>
    </div>
  );
}

export function Tiles({ stats, rate, days }: { stats: Stats; rate: number; days: number }) {
  const t = useTexts();
  const locale = useLocale();
  const number = (value: number, digits = 0): string => formatNumber(locale, value, digits);
  const { capacity, jobs, queue, connections, subscriptions, success_rate, usage } = stats;
  return (
    <dl className="tiles">
      <Tile
        name={t.running}
        value={number(capacity.running)}
        note={t.slots(number(capacity.slots))}
      />
      <Tile
        name={t.waiting}
        value={number(waitingOf(jobs, queue))}
        note={t.inQueue(number(queue.depth), number(queue.limit))}
      />
      <Tile name={t.throughput} value={number(rate, 1)} note={t.perMinute} />
      <Tile
        name={t.successRate}
        value={typeof success_rate === "number" ? formatShare(locale, success_rate) : "–"}
        note={t.lastDays(days)}
      />
      <Tile
        name={t.connections}
        value={number(connections)}
        note={t.watching(number(subscriptions))}
      />
      <Tile
        name={t.storage}
        value={formatBytes(locale, usage.bytes)}
        note={usage.bytes_limit ? t.ofLimit(formatBytes(locale, usage.bytes_limit)) : ""}
      />
    </dl>
  );
}
