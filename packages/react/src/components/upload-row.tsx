"use client";
/**
 * One submission, from waiting to the end of its job.
 *
 * Enters: an item of `useSubmit`. Leaves: its state with its symbol, two kinds of progress, buttons.
 * Never: watches before there is a job.
 */

import type { Job } from "@milepost/client";
import { memo, type ReactNode } from "react";
import { faultText } from "../fault.js";
import type { Format } from "../format.js";
import { useJob } from "../hooks/use-job.js";
import { isStalled, named, symbols, type UploadState, uploadState } from "../job-view.js";
import { useFormat, useTexts } from "../provider.js";
import type { SubmitItem } from "../submissions.js";
import type { Texts } from "../texts/index.js";
import { Announcer } from "./announcer.js";
import { Bar } from "./bar.js";
import { JobProgress } from "./job-progress.js";

/** Props of `UploadRow`. */
export interface UploadRowProps {
  item: SubmitItem;
  /** Bytes that the server takes at most. */
  limit: number | undefined;
  onCancel: (key: string) => void;
  onRetry: (key: string) => void;
  onRemove: (key: string) => void;
  onOpen: ((jobId: string) => void) | undefined;
}

/** A row of the list of uploads. */
export const UploadRow = memo(function UploadRow(props: UploadRowProps): ReactNode {
  const { item, limit, onCancel, onRetry, onRemove, onOpen } = props;
  const texts = useTexts();
  const format = useFormat();
  const live = useJob(item.job?.id);
  const job = live.job ?? item.job;
  const state = stateOf(item, job);
  const name = item.name ?? job?.document?.filename ?? texts["job.unnamed"];
  const ended = state === "completed" || state === "failed" || state === "cancelled";
  const word = (action: "cancel" | "retry" | "remove") =>
    named(texts[`action.${action}`], name, texts, format);
  const opens = job !== undefined && onOpen !== undefined;

  return (
    <li className="mp-upload-row" data-state={state}>
      <p className="mp-upload-head">
        <span className="mp-upload-symbol" aria-hidden="true">
          {symbols[state]}
        </span>
        {opens ? (
          <button type="button" className="mp-link" onClick={() => onOpen(job.id)}>
            {name}
          </button>
        ) : (
          <span className="mp-upload-name">{name}</span>
        )}
        <span className="mp-upload-state">{stateText(item, job, texts)}</span>
        {item.size !== undefined && (
          <span className="mp-upload-size">{format.bytes(item.size)}</span>
        )}
      </p>
      {item.state === "sending" && <Sending item={item} name={name} />}
      {job !== undefined && !ended && (
        <JobProgress job={job} stalled={live.stalled} showName={false} silent />
      )}
      <Announcer job={job} stalled={job !== undefined && isStalled(job, live.stalled)} />
      {job?.error != null && <p className="mp-error">{faultText(job.error, texts)}</p>}
      {item.error !== undefined && (
        <p className="mp-error" role="alert">
          {refusalText(item, limit, name, texts, format)}
        </p>
      )}
      <p className="mp-upload-buttons">
        {ended ? (
          <>
            {state !== "completed" && (
              <button
                type="button"
                className="mp-button"
                aria-label={word("retry")}
                onClick={() => onRetry(item.key)}
              >
                {texts["action.retry"]}
              </button>
            )}
            <button
              type="button"
              className="mp-button"
              aria-label={word("remove")}
              onClick={() => onRemove(item.key)}
            >
              {texts["action.remove"]}
            </button>
          </>
        ) : (
          <button
            type="button"
            className="mp-button"
            aria-label={word("cancel")}
            onClick={() => onCancel(item.key)}
          >
            {texts["action.cancel"]}
          </button>
        )}
      </p>
    </li>
  );
});

function Sending({ item, name }: { item: SubmitItem; name: string }): ReactNode {
  const texts = useTexts();
  const format = useFormat();
  const { sent, total } = item;
  const values = { done: format.bytes(sent), total: format.bytes(total) };
  const text = format.fill(texts["upload.sending"], values);
  return (
    <>
      <Bar value={total > 0 ? (100 * sent) / total : undefined} label={name} text={text} />
      {total > 0 && <p className="mp-progress-detail">{text}</p>}
    </>
  );
}

function stateOf(item: SubmitItem, job: Job | undefined): UploadState {
  if (job !== undefined) return uploadState(job);
  return item.state === "failed" || item.state === "cancelled" ? item.state : "received";
}

function stateText(item: SubmitItem, job: Job | undefined, texts: Texts): string {
  if (job !== undefined) return texts[`upload.${uploadState(job)}`];
  if (item.state === "failed" || item.state === "cancelled") return texts[`upload.${item.state}`];
  return texts["upload.waiting"];
}

function refusalText(
  { error, size, job }: SubmitItem,
  limit: number | undefined,
  name: string,
  texts: Texts,
  format: Format,
): string {
  if (error === undefined) return "";
  const large = error.code === "body_too_large" && job === undefined;
  if (large && size !== undefined && limit !== undefined && size > limit) {
    const values = { name, size: format.bytes(size), limit: format.bytes(limit) };
    return format.fill(texts["drop.too.large"], values);
  }
  return faultText(error, texts);
}
