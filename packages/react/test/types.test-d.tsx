// What the compiler holds callers to. `tsc` reads it; nothing runs.

import type { CollectionDocument, Job, LiveJob, MilepostError, SearchHit } from "@milepost/client";
import { expectTypeOf, test } from "vitest";
import {
  DocumentList,
  JobProgress,
  MilepostProvider,
  type SubmitItem,
  type TextKey,
  useJob,
  useSubmit,
  useTexts,
} from "../src/index.js";
import { type RoomJob, useJobWebSocket, useProgress } from "../src/legacy/index.js";
import { SearchResults, useCollection, useSearch } from "../src/search/index.js";

declare const job: Job;

test("hooks", () => {
  expectTypeOf(useJob).parameter(0).toEqualTypeOf<string | undefined>();
  expectTypeOf(useJob).returns.toExtend<LiveJob>();
  expectTypeOf(useJob("j").error).toEqualTypeOf<MilepostError | undefined>();
  expectTypeOf(useJob("j").cancel()).toEqualTypeOf<Promise<Job>>();
  expectTypeOf(useSubmit().items).toEqualTypeOf<readonly SubmitItem[]>();
  // A failure stands in its item, so the promise has no error to handle.
  expectTypeOf(useSubmit().submit("text")).resolves.toExtend<Job | undefined>();
});

test("progress is of a job or of an id, and not of both", () => {
  <JobProgress jobId="j" />;
  <JobProgress job={job} stalled />;
  // @ts-expect-error: neither
  <JobProgress />;
  // @ts-expect-error: both
  <JobProgress jobId="j" job={job} />;
  // @ts-expect-error: whether a watched job is stalled is known
  <JobProgress jobId="j" stalled />;
});

test("texts have keys that exist, or are of one's own stages and codes", () => {
  expectTypeOf(useTexts()["action.retry"]).toEqualTypeOf<string>();
  expectTypeOf(useTexts()["stage.simmering"]).toEqualTypeOf<string | undefined>();
  expectTypeOf<"no.such.key">().not.toExtend<TextKey>();
  <MilepostProvider texts={{ "action.retry": "Encore", "error.my_code": "Oh" }} />;
  // @ts-expect-error: a misspelt key
  <MilepostProvider texts={{ "action.rety": "Encore" }} />;
});

test("a list is opened by jobs", () => {
  <DocumentList onOpen={(opened) => expectTypeOf(opened).toEqualTypeOf<Job>()} />;
});

test("a search and its texts", () => {
  expectTypeOf(useSearch("q", { collection: "papers" }).hits).toEqualTypeOf<readonly SearchHit[]>();
  expectTypeOf(useCollection("papers").documents).toEqualTypeOf<readonly CollectionDocument[]>();
  <SearchResults search={useSearch("q")} hrefOf={({ document }) => document.id ?? undefined} />;
  <MilepostProvider texts={{ "search.hint": "Ask Mary." }} />;
  // @ts-expect-error: a misspelt key
  <MilepostProvider texts={{ "search.hin": "Ask Mary." }} />;
});

test("the other names", () => {
  expectTypeOf(useJobWebSocket({ jobId: 7 }).job).toEqualTypeOf<RoomJob | null>();
  expectTypeOf(useProgress().state.usingWebSocket).toEqualTypeOf<boolean>();
  // @ts-expect-error: there are two
  useJobWebSocket({ jobId: 7, transport: "carrier pigeon" });
});
