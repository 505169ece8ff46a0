/**
 * What of a job can be looked at. Enters: the job. Leaves: views, the best first. Pure.
 */
import { type Format, isTerminal, type Job } from "@milepost/client";

export type ViewName =
  | "reading"
  | "raw"
  | "tables"
  | "html"
  | "json"
  | "text"
  | "sentences"
  | "chunks";

/** Which format each view shows; `reading` shows pages, which are there before any result. */
export const FORMATS: Record<Exclude<ViewName, "reading">, Format> = {
  raw: "markdown",
  tables: "json",
  html: "html",
  json: "json",
  text: "text",
  sentences: "json",
  chunks: "chunks",
};

const OF_PIPELINE: Record<string, readonly ViewName[]> = {
  convert: ["reading", "raw", "tables", "html", "json", "text"],
  sentences: ["sentences", "json", "text"],
  ingest: ["reading", "chunks"],
};

/** The views of a job, the best first: of a finished one only those whose format was kept. */
export function viewsOf({
  pipeline,
  result,
  stages,
}: Pick<Job, "pipeline" | "result" | "stages">): readonly ViewName[] {
  const all = OF_PIPELINE[pipeline] ?? ["json", "text"];
  const paged = pipeline !== "ingest" || countsPages(stages);
  const views = paged ? all : all.filter((view) => view !== "reading");
  if (!result) return views;
  return views.filter((view) => view === "reading" || result.formats.includes(FORMATS[view]));
}

/** Several documents in one job have no pages of their own. */
const countsPages = (stages: Job["stages"]): boolean => stages.some(({ unit }) => unit === "page");

/** Whether the pages of a job's document can be read there, or will be. */
export const hasPages = ({ pipeline, status, stages }: Job): boolean =>
  (pipeline === "convert" || (pipeline === "ingest" && countsPages(stages))) &&
  (status === "completed" || !isTerminal(status));
