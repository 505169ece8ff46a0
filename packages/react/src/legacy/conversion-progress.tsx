"use client";
/**
 * The progress of one conversion, as pages for `/api/v1/conversions` show it.
 *
 * Enters: a job's id, and what was known of it. Leaves: steps, a bar, agents, the connection.
 * Never: a state of its own; it stands on `useProgress`.
 */

import { type ReactNode, useEffect } from "react";
import { Agents } from "../components/agents.js";
import { Bar } from "../components/bar.js";
import { ProgressErrorBoundary } from "../components/error-boundary.js";
import { useFormat, useTexts } from "../provider.js";
import { ConnectionStatusIndicator } from "./connection-status-indicator.js";
import { ProgressProvider, useProgress, useProgressIfAny } from "./progress-context.js";

/** Props of `ConversionProgress`. Beside the id they are shown until the first status has come. */
export interface ConversionProgressProps {
  jobId: string;
  status?: string | undefined;
  /** 0 to 100. */
  progress?: number | undefined;
  message?: string | undefined;
  stage?: string | null | undefined;
}

const STEPS = ["Queued", "Processing", "Completed"] as const;
const STEP_TEXTS = {
  Queued: "status.queued",
  Processing: "status.running",
  Completed: "status.completed",
} as const;

/** Watches a conversion and shows how far it is. */
export function ConversionProgress(props: ConversionProgressProps): ReactNode {
  const outer = useProgressIfAny();
  const shown = (
    <ProgressErrorBoundary resetKey={props.jobId}>
      <Shown {...props} />
    </ProgressErrorBoundary>
  );
  return outer === undefined ? (
    <ProgressProvider enablePersistence={false}>{shown}</ProgressProvider>
  ) : (
    shown
  );
}

function Shown({ jobId, ...known }: ConversionProgressProps): ReactNode {
  const texts = useTexts();
  const format = useFormat();
  const { state, actions } = useProgress();
  useEffect(() => {
    actions.connectToJob(jobId);
    return () => actions.disconnectFromJob();
  }, [actions, jobId]);

  const live = state.status?.job_id === jobId ? state.status : undefined;
  const status = live?.status ?? known.status ?? "queued";
  const progress = live?.progress ?? known.progress ?? 0;
  const message = live?.message ?? known.message ?? "";
  const stage = live?.stage ?? known.stage ?? "Queued";
  const left = live?.estimated_time_remaining;
  const ended = status === "completed" || status === "failed" || status === "cancelled";
  return (
    <div className="mp-progress" data-status={status}>
      <ol className="mp-steps">
        {STEPS.map((step) => (
          <li key={step} aria-current={step === stage ? "step" : undefined}>
            {texts[STEP_TEXTS[step]]}
          </li>
        ))}
      </ol>
      <Bar value={progress} label={texts["list.progress"]} />
      <span className="mp-progress-percent" aria-hidden="true">
        {format.percent(progress)}
      </span>
      <p className="mp-progress-detail">
        {left == null
          ? message
          : `${message} · ${format.fill(texts["progress.eta"], { time: format.duration(left) })}`}
      </p>
      <Agents
        agents={
          live?.agents?.map((agent) => ({ ...agent, message: agent.message ?? null })) ?? null
        }
      />
      {live?.error != null && (
        <p className="mp-error" role="alert">
          {live.error}
        </p>
      )}
      {!ended && (
        <ConnectionStatusIndicator
          status={state.connectionStatus}
          usingWebSocket={state.usingWebSocket}
          error={state.connectionError}
        />
      )}
    </div>
  );
}
