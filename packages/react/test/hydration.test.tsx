// A page that came from a server, and goes on in a browser.

import { act, screen } from "@testing-library/react";
import { StrictMode } from "react";
import { hydrateRoot } from "react-dom/client";
import { renderToString } from "react-dom/server";
import { expect, onTestFinished, test, vi } from "vitest";
import {
  ConnectionIndicator,
  DocumentList,
  DocumentUpload,
  DocumentViewer,
  JobProgress,
  MilepostProvider,
} from "../src/index.js";
import { ConversionProgress, ProgressProvider } from "../src/legacy/index.js";
import { Edge } from "./edge.js";

test("the browser takes over what the server rendered, and goes live", async () => {
  const edge = new Edge();
  const { id } = edge.add();
  const client = edge.client();
  const tree = (
    <StrictMode>
      <MilepostProvider client={client} locale="fr">
        <ConnectionIndicator />
        <JobProgress jobId={id} />
        <DocumentUpload />
        <DocumentList />
        <DocumentViewer jobId={id} />
        <ProgressProvider>
          <ConversionProgress jobId={id} />
        </ProgressProvider>
      </MilepostProvider>
    </StrictMode>
  );
  localStorage.setItem("modporter_progress_default", '{"from": "before"}');
  const complaints = vi.spyOn(console, "error");
  const recovered = vi.fn();
  const page = document.createElement("div");
  document.body.append(page);
  page.innerHTML = renderToString(tree);
  expect(page.textContent).toMatch("Non connecté");
  expect(edge.requests).toEqual([]);

  const root = await act(async () => hydrateRoot(page, tree, { onRecoverableError: recovered }));
  onTestFinished(async () => {
    await act(async () => root.unmount());
    page.remove();
    client.close();
  });
  expect(await screen.findByText("En direct")).toBeDefined();
  expect(await screen.findAllByRole("progressbar")).toHaveLength(4);
  expect(recovered).not.toHaveBeenCalled();
  expect(complaints.mock.calls).toEqual([]);
  complaints.mockRestore();
});
