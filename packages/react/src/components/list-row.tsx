"use client";
/**
 * One job in the table.
 *
 * Enters: the job. Leaves: a row, rendered anew when its job changed and not when others did.
 * Never: a live region of its own.
 */

import { isTerminal, type Job } from "@milepost/client";
import { memo, type ReactNode } from "react";
import { faultText } from "../fault.js";
import { detailTexts, jobName, named, stageText } from "../job-view.js";
import { useFormat, useMilepost, useTexts } from "../provider.js";
import { JobProgress } from "./job-progress.js";
import { again } from "./orders.js";
import { useOrders } from "./use-orders.js";

/** Props of `ListRow`. */
export interface ListRowProps {
  job: Job;
  selected: boolean;
  onSelect: (id: string, on: boolean) => void;
  onOpen: ((job: Job) => void) | undefined;
  actions: ((job: Job) => ReactNode) | undefined;
}

/** A row of the list. */
export const ListRow = memo(function ListRow(props: ListRowProps): ReactNode {
  const { job, selected, onSelect, onOpen, actions } = props;
  const client = useMilepost();
  const texts = useTexts();
  const format = useFormat();
  const orders = useOrders();
  const name = jobName(job, texts);
  const fault = orders.error ?? job.error ?? undefined;
  const ended = isTerminal(job.status);
  const act = ended ? (job.status === "completed" ? "again" : "retry") : "cancel";
  const order = () => (ended ? again(client, job) : client.cancel(job.id));

  return (
    <tr className="mp-row" data-status={job.status}>
      <td className="mp-cell-select">
        <input
          type="checkbox"
          aria-label={format.fill(texts["list.select"], { name })}
          checked={selected}
          onChange={(event) => onSelect(job.id, event.target.checked)}
        />
      </td>
      <th scope="row" className="mp-cell-name">
        {onOpen === undefined ? (
          name
        ) : (
          <button type="button" className="mp-link" onClick={() => onOpen(job)}>
            {name}
          </button>
        )}
      </th>
      <td data-label={texts["list.status"]}>
        <span className="mp-status">{stageText(job, texts)}</span>
        {fault !== undefined && <p className="mp-error">{faultText(fault, texts)}</p>}
      </td>
      <td data-label={texts["list.progress"]} className="mp-cell-progress">
        {job.status === "running" && (
          <>
            <JobProgress job={job} compact />
            <span className="mp-progress-detail">
              {detailTexts(job, texts, format).slice(1).join(" · ")}
            </span>
          </>
        )}
        {job.status === "queued" && (
          <span className="mp-progress-detail">
            {detailTexts(job, texts, format).slice(1).join(" · ")}
          </span>
        )}
      </td>
      <td data-label={texts["list.pages"]} className="mp-cell-number">
        {job.document?.pages != null && format.number(job.document.pages)}
      </td>
      <td data-label={texts["list.size"]} className="mp-cell-number">
        {job.document != null && format.bytes(job.document.bytes)}
      </td>
      <td data-label={texts["list.created"]}>
        <time dateTime={job.created_at}>{format.time(job.created_at)}</time>
      </td>
      <td className="mp-cell-actions">
        <button
          type="button"
          className="mp-button"
          aria-label={named(texts[`action.${act}`], name, texts, format)}
          disabled={orders.busy}
          onClick={() => orders.run(order)}
        >
          {texts[`action.${act}`]}
        </button>
        {actions?.(job)}
      </td>
    </tr>
  );
});
