/**
 * `@milepost/react/legacy`: the names that other systems' pages use.
 *
 * Enters: nothing. Leaves: their hooks, contexts and components over a Milepost client. Never: what
 * the main entry needs.
 */

export { ProgressErrorBoundary } from "../components/error-boundary.js";
export {
  ConnectionStatusIndicator,
  type ConnectionStatusIndicatorProps,
} from "./connection-status-indicator.js";
export { ConversionProgress, type ConversionProgressProps } from "./conversion-progress.js";
export type { AgentStatus, ConnectionStatus, ConversionStatus } from "./conversion-status.js";
export type {
  ConversionError,
  ConversionProgressMessage,
  ConversionResult,
} from "./document-progress.js";
export {
  type ProgressActions,
  type ProgressContextValue,
  ProgressProvider,
  type ProgressProviderProps,
  useProgress,
} from "./progress-context.js";
export type { ProgressState } from "./progress-state.js";
export type { RoomJob } from "./room-job.js";
export type { RoomSocketOptions } from "./room-socket.js";
export {
  type ConversionView,
  type UseConversionOptions,
  useConversionSSE,
  useConversionWebSocket,
} from "./use-conversion.js";
export {
  type JobWebSocketView,
  type UseJobWebSocketOptions,
  useJobWebSocket,
} from "./use-job-websocket.js";
