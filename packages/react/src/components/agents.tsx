"use client";
/**
 * Who works on a job.
 *
 * Enters: its agents. Leaves: a list, or nothing where there are none. Never: a live region.
 */

import type { Job } from "@milepost/client";
import type { ReactNode } from "react";
import { useFormat, useTexts } from "../provider.js";
import type { TextKey } from "../texts/index.js";

/** The agents of a job, each with its state. */
export function Agents({ agents }: { agents: Job["agents"] }): ReactNode {
  const texts = useTexts();
  const format = useFormat();
  if (agents == null || agents.length === 0) return null;
  return (
    <ul className="mp-agents" aria-label={texts["progress.agents"]}>
      {agents.map(({ name, status, progress, message }) => (
        <li key={name} className="mp-agent" data-status={status}>
          <span className="mp-agent-name">{name}</span>{" "}
          <span className="mp-agent-status">{texts[`agent.${status}` as TextKey] ?? status}</span>{" "}
          {progress != null && <span className="mp-agent-percent">{format.percent(progress)}</span>}{" "}
          {message != null && <span className="mp-agent-message">{message}</span>}
        </li>
      ))}
    </ul>
  );
}
