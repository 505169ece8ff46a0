// @vitest-environment node

import { Milepost } from "@milepost/client";
import { renderToString } from "react-dom/server";
import { expect, test } from "vitest";
import * as main from "../src/index.js";
import * as legacy from "../src/legacy/index.js";
import * as search from "../src/search/index.js";
import { job } from "./edge.js";

const client = new Milepost({ baseUrl: "http://milepost.test" });
const render = (element: React.ReactNode, locale = "en") =>
  renderToString(
    <main.MilepostProvider client={client} locale={locale}>
      {element}
    </main.MilepostProvider>,
  );

test("there is no page here", () => {
  expect(typeof window).toBe("undefined");
});

test("a provider with a client of its own renders on a server", () => {
  expect(renderToString(<main.MilepostProvider>there</main.MilepostProvider>)).toBe("there");
});

test("every component renders, without a connection", () => {
  expect(render(<main.JobProgress jobId="j" />)).toMatch("Loading…");
  expect(render(<main.JobProgress job={job()} />, "fr")).toMatch("page 4 sur 10");
  expect(render(<main.ConnectionIndicator />)).toMatch("Not connected");
  expect(render(<main.ProgressErrorBoundary>whole</main.ProgressErrorBoundary>)).toMatch("whole");
  expect(render(<main.DocumentUpload />)).toMatch("Choose files or drop them here");
  expect(render(<main.DocumentList />)).toMatch("Loading…");
  expect(render(<main.DocumentViewer jobId="j" />)).toMatch("Loading…");
  expect(render(<legacy.ConversionProgress jobId="j" message="Starting" />)).toMatch("Starting");
  expect(render(<search.Highlight html="a <mark>b</mark>" />)).toMatch("<mark>b</mark>");
  expect(render(<Searching />)).toMatch("Searching…");
  const link = { status: "disconnected", usingWebSocket: false } as const;
  expect(render(<legacy.ConnectionStatusIndicator {...link} />)).toMatch("fallback polling");
  expect(client.connection.getSnapshot().status).toBe("idle");
});

function Searching() {
  return <search.SearchResults search={search.useSearch("lake")} />;
}

function Everything() {
  const states = [
    main.useJob("j").job,
    main.useJob(undefined).job,
    main.useJobs().loading,
    main.useSubmit().items.length,
    main.useConnection().status,
    main.useStats().loading,
    main.useInfo().info,
    main.useLocale(),
    main.useTexts()["action.retry"],
    main.useFormat().percent(5),
    main.useMilepost() === client,
    search.useCollections().loading,
    search.useCollection("papers").documents.length,
    legacy.useConversionSSE({ documentId: "d" }).connected,
    legacy.useConversionWebSocket({ documentId: "d" }).progress,
    legacy.useJobWebSocket({ jobId: 1 }).job,
    legacy.useProgress().state.connectionStatus,
  ];
  return JSON.stringify(states.map((state) => state ?? null));
}

test("every hook renders", () => {
  const shown = render(
    <legacy.ProgressProvider>
      <Everything />
    </legacy.ProgressProvider>,
  );
  expect(JSON.parse(shown.replaceAll("&quot;", '"'))).toEqual([
    null,
    null,
    true,
    0,
    "idle",
    true,
    null,
    "en",
    "Retry",
    "5%",
    true,
    true,
    0,
    false,
    null,
    null,
    "disconnected",
  ]);
});
