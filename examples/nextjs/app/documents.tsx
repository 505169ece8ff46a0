"use client";
/**
 * What needs a browser: the upload, the live list, the viewer.
 *
 * Enters: where Milepost is. Leaves: the components, of which Next.js renders the empty state on
 * the server. Never: a credential; a page that needs one gets it by a route of its own.
 */
import {
  ConnectionIndicator,
  DocumentList,
  DocumentUpload,
  DocumentViewer,
  MilepostProvider,
  ProgressErrorBoundary,
} from "@milepost/react";
import { useState } from "react";

export function Documents({ baseUrl }: { baseUrl: string }) {
  const [open, setOpen] = useState<string>();
  return (
    <MilepostProvider options={{ baseUrl }}>
      <ConnectionIndicator />
      <ProgressErrorBoundary>
        <DocumentUpload />
        <DocumentList onOpen={(job) => setOpen(job.id)} />
        {open && <DocumentViewer jobId={open} onClose={() => setOpen(undefined)} />}
      </ProgressErrorBoundary>
    </MilepostProvider>
  );
}
