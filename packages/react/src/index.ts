/**
 * `@milepost/react`: what applications import.
 *
 * Enters: nothing. Leaves: hooks, components, texts. Never: the names of other systems, which are
 * in `@milepost/react/legacy`.
 */

export {
  ConnectionIndicator,
  type ConnectionIndicatorProps,
} from "./components/connection-indicator.js";
export { DocumentList, type DocumentListProps } from "./components/document-list.js";
export {
  DocumentUpload,
  type DocumentUploadProps,
  type UploadSource,
} from "./components/document-upload.js";
export { DocumentViewer, type DocumentViewerProps } from "./components/document-viewer.js";
export {
  ProgressErrorBoundary,
  type ProgressErrorBoundaryProps,
} from "./components/error-boundary.js";
export { JobProgress, type JobProgressProps } from "./components/job-progress.js";
export { type Fault, faultText } from "./fault.js";
export type { Format } from "./format.js";
export { type ConnectionView, useConnection } from "./hooks/use-connection.js";
export { type JobOrders, type JobView, useJob } from "./hooks/use-job.js";
export { type LiveJobsFilter, useJobs } from "./hooks/use-jobs.js";
export { usePages } from "./hooks/use-pages.js";
export { type StatsOptions, type StatsView, useInfo, useStats } from "./hooks/use-stats.js";
export { type SubmitView, useSubmit } from "./hooks/use-submit.js";
export { jobName, stageText, symbols, type UploadState, uploadState } from "./job-view.js";
export type { PageListState } from "./page-list.js";
export {
  MilepostProvider,
  type MilepostProviderProps,
  useFormat,
  useLocale,
  useMilepost,
  useTexts,
} from "./provider.js";
export type { SubmitItem, SubmitState } from "./submissions.js";
export { en, fr, type TextKey, type Texts } from "./texts/index.js";
