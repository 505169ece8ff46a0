// `startUpload`, for pages that send texts into a collection. Enters: texts. Leaves:
// the id of the upload at once, and its progress, in the words of the dialect `upload`.

import { MilepostError } from "../errors.js";
import { objectOf, type ServiceOptions, serviceOf } from "./service.js";

export type { ServiceOptions } from "./service.js";

/** What is uploaded. */
export interface UploadRequest {
  readonly collection_name: string;
  readonly documents: readonly {
    readonly content: string;
    readonly source?: string;
    readonly metadata?: unknown;
  }[];
  readonly force_recreate?: boolean;
}

/** The answer to `startUpload`. */
export interface UploadResponse {
  readonly upload_id: string;
  readonly status: "received";
  readonly message: string;
  readonly timestamp: number | string;
}

/** The seven states, in their order; `failed` may follow any. */
export type UploadStatus =
  | "received"
  | "extracting"
  | "chunking"
  | "enriching"
  | "indexing"
  | "completed"
  | "failed";

/** How an upload stands. */
export interface UploadProgress {
  readonly upload_id: string;
  readonly status: UploadStatus;
  readonly progress_percent: number;
  readonly current_chunk: number | null;
  readonly total_chunks: number | null;
  readonly message: string;
  readonly timestamp: string;
}

/** Sends texts; answers before any work. */
export function startUpload(
  request: UploadRequest,
  options: ServiceOptions = {},
): Promise<UploadResponse> {
  return serviceOf(options).http.json("/upload", { method: "POST", json: request });
}

/** Opens the socket of an upload; the server closes it behind the end. */
export function connectToUpload(
  uploadId: string,
  onProgress: (progress: UploadProgress) => void,
  onError?: (error: MilepostError) => void,
  options: ServiceOptions = {},
): WebSocket {
  const opened = serviceOf(options).socket(`/ws/${encodeURIComponent(uploadId)}`);
  let over = false;
  opened.onmessage = ({ data }) => {
    const message = objectOf(data);
    // What is not understood is passed over.
    if (typeof message?.status !== "string" || typeof message.progress_percent !== "number") return;
    over = message.status === "completed" || message.status === "failed";
    onProgress(message as unknown as UploadProgress);
  };
  opened.onclose = ({ code }) => {
    if (over || code === 1000) return;
    const text = "The connection was lost. Connect again to see how the upload went on.";
    onError?.(new MilepostError("network", text, { retryable: code < 4400 }));
  };
  return opened;
}
