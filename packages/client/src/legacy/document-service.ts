// `documentService`, for pages that convert files by their names. Enters: names and
// ids of conversions. Leaves: answers and messages of the dialect `conversion`.

import { MilepostError } from "../errors.js";
import { objectOf, type ServiceOptions, serviceOf } from "./service.js";

export type { ServiceOptions } from "./service.js";

/** The answer to `convertDocument`. */
export interface AcceptedConversion {
  readonly status: "accepted";
  readonly conversion_id: string;
  readonly filename: string;
  readonly message: string;
}

/** How a conversion stands. */
export interface ConversionMessage {
  readonly id: string;
  readonly filename: string;
  readonly status: "pending" | "processing" | "completed" | "error";
  /** 0 to 100. */
  readonly progress: number;
  readonly message: string;
  readonly created_at: string | null;
  readonly started_at: string | null;
  readonly completed_at: string | null;
  readonly error: string | null;
}

/** The calls of these pages. */
export interface DocumentService {
  /** Begins to convert a file that was uploaded before; answers at once. */
  convertDocument(filename: string, promptMode?: string): Promise<AcceptedConversion>;
  /** The present state. */
  getConversionStatus(conversionId: string): Promise<ConversionMessage>;
  /** Opens the socket of a conversion. Close it when you are done. */
  connectToConversionProgress(
    conversionId: string,
    onMessage: (message: ConversionMessage) => void,
    onError?: (error: MilepostError) => void,
  ): WebSocket;
}

/** A service at another place than the page's origin, or with a token. */
export function createDocumentService(options: ServiceOptions = {}): DocumentService {
  const { http, socket } = serviceOf(options);
  return {
    convertDocument(filename, promptMode = "prompt_layout_all_en") {
      const body = new FormData();
      body.append("filename", filename);
      body.append("prompt_mode", promptMode);
      return http.json("/convert", { method: "POST", body });
    },
    getConversionStatus: (id) => http.json(`/conversion-status/${encodeURIComponent(id)}`),
    connectToConversionProgress(id, onMessage, onError) {
      const opened = socket(`/ws/conversion/${encodeURIComponent(id)}`);
      let last: string | undefined;
      opened.onmessage = ({ data }) => {
        const message = objectOf(data);
        // What is not understood is passed over.
        if (typeof message?.status !== "string" || typeof message.progress !== "number") return;
        last = message.status;
        onMessage(message as unknown as ConversionMessage);
      };
      opened.onclose = ({ code }) => {
        if (code === 1000 || last === "completed" || last === "error") return;
        const text = "The connection was lost. Ask for the status, or connect again.";
        onError?.(new MilepostError("network", text, { retryable: code < 4400 }));
      };
      return opened;
    },
  };
}

/** The service at the page's origin. */
export const documentService: DocumentService = /* @__PURE__ */ createDocumentService();
