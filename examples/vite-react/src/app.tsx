/**
 * Documents are dropped, their conversion is watched, results are read.
 *
 * Enters: MILEPOST_URL. Leaves: the page. Never: what the package does anyway, which is the
 * connection, the state of jobs and their looks.
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

declare const MILEPOST_URL: string;

const options = { baseUrl: MILEPOST_URL };

export function App() {
  const [open, setOpen] = useState<string>();
  return (
    <MilepostProvider options={options}>
      <header>
        <h1>Documents</h1>
        <ConnectionIndicator />
      </header>
      <main>
        <ProgressErrorBoundary>
          <DocumentUpload />
          <DocumentList onOpen={(job) => setOpen(job.id)} />
          {open && <DocumentViewer jobId={open} onClose={() => setOpen(undefined)} />}
        </ProgressErrorBoundary>
      </main>
    </MilepostProvider>
  );
}
