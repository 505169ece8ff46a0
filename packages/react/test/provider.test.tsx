import type { Milepost } from "@milepost/client";
import { render, screen, waitFor } from "@testing-library/react";
import * as React from "react";
import { type ComponentType, type ReactNode, StrictMode, useEffect } from "react";
import { expect, test, vi } from "vitest";
import {
  MilepostProvider,
  useFormat,
  useJob,
  useLocale,
  useMilepost,
  useTexts,
} from "../src/index.js";
import { Edge } from "./edge.js";
import { open, settled } from "./page.js";

function Status({ id, keep }: { id: string; keep: { client?: Milepost } }): ReactNode {
  const client = useMilepost();
  useEffect(() => {
    keep.client = client;
  }, [client, keep]);
  return <p>{useJob(id).job?.status ?? "none"}</p>;
}

test("a client of its own lives as long as the provider, under Strict Mode too", async () => {
  const edge = new Edge();
  const { id } = edge.add();
  const kept: { client?: Milepost } = {};
  const options = {
    baseUrl: "http://milepost.test",
    transports: ["poll"] as const,
    shareTabs: false,
    fetch: async () => Response.json(edge.jobs.get(id)),
  };
  const page = render(
    <StrictMode>
      <MilepostProvider options={options}>
        <Status id={id} keep={kept} />
      </MilepostProvider>
    </StrictMode>,
  );
  await screen.findByText("running");
  expect(kept.client?.connection.getSnapshot().status).not.toBe("ended");
  page.unmount();
  await settled();
  expect(kept.client?.connection.getSnapshot().status).toBe("ended");
});

test("a client that was given is left open", async () => {
  const edge = new Edge();
  const client = edge.client();
  const page = open(<p>there</p>, { edge, client });
  page.unmount();
  await settled();
  expect(client.connection.getSnapshot().status).not.toBe("ended");
});

function Language(): ReactNode {
  const texts = useTexts();
  const format = useFormat();
  return (
    <p>
      {useLocale()} {texts["action.retry"]} {texts["action.cancel"]} {format.number(0.5)}
    </p>
  );
}

test("the language is the provider's, with one's own texts", () => {
  open(<Language />, { locale: "fr-CA", texts: { "action.retry": "Encore" } });
  expect(screen.getByText("fr-CA Encore Annuler 0,5")).toBeDefined();
});

test("without a provider a hook says what is missing", () => {
  const silence = (event: ErrorEvent) => event.preventDefault();
  window.addEventListener("error", silence);
  const quiet = vi.spyOn(console, "error").mockImplementation(() => {});
  expect(() => render(<Language />)).toThrow("needs a <MilepostProvider> above it");
  window.removeEventListener("error", silence);
  quiet.mockRestore();
});

// React 19.2 takes effects down while something is hidden, and keeps its state.
const { Activity } = React as {
  Activity?: ComponentType<{ mode: "visible" | "hidden"; children: ReactNode }>;
};

test.skipIf(Activity === undefined)(
  "what was hidden and is shown again has an open client",
  async () => {
    if (Activity === undefined) return;
    const edge = new Edge();
    const { id } = edge.add();
    const kept: { client?: Milepost } = {};
    const options = {
      baseUrl: "http://milepost.test",
      transports: ["poll"] as const,
      shareTabs: false,
      fetch: async () => Response.json(edge.jobs.get(id)),
    };
    const tree = (mode: "visible" | "hidden") => (
      <StrictMode>
        <Activity mode={mode}>
          <MilepostProvider options={options}>
            <Status id={id} keep={kept} />
          </MilepostProvider>
        </Activity>
      </StrictMode>
    );
    const page = render(tree("visible"));
    await screen.findByText("running");
    const first = kept.client;
    page.rerender(tree("hidden"));
    await settled();
    expect(first?.connection.getSnapshot().status).toBe("ended");

    page.rerender(tree("visible"));
    await waitFor(() => expect(kept.client).not.toBe(first));
    await waitFor(() => expect(kept.client?.connection.getSnapshot().status).toBe("polling"));
  },
);
