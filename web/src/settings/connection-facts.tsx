/** How this tab is connected: over what, how quickly, how often it had to begin again. */
import { useConnection } from "@milepost/react";
import { formatNumber } from "../preferences/format";
import { useLocale } from "../preferences/preferences";
import { useTexts } from "../texts/texts";
import "../styles/job.css";

export function ConnectionFacts() {
  const t = useTexts();
  const locale = useLocale();
  const { transport, role, metrics } = useConnection();
  const { latency, reconnects, gaps, messages } = metrics;
  const facts: [string, string][] = [
    [t.transport, transport ? (t.transports[transport] ?? transport) : t.noTransport],
    [t.latency, latency === undefined ? "–" : `${formatNumber(locale, latency)} ms`],
    [t.role, t.roles[role]],
    [t.messages, formatNumber(locale, messages)],
    [t.reconnects, formatNumber(locale, reconnects)],
    [t.gaps, formatNumber(locale, gaps)],
  ];
  return (
    <dl className="facts wide">
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd className="numeric">{value}</dd>
        </div>
      ))}
    </dl>
  );
}
