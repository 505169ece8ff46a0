/** The list's columns, by what they sort. Enters: jobs. Leaves: keys to compare. */
import type { Job, Status } from "@milepost/client";
import {
  createColumnHelper,
  createSortedRowModel,
  rowSelectionFeature,
  rowSortingFeature,
  tableFeatures,
} from "@tanstack/react-table";

export const features = tableFeatures({
  rowSortingFeature,
  rowSelectionFeature,
  sortedRowModel: createSortedRowModel(),
});

/** What needs somebody first, then what is under way, then what has ended. */
const RANK: Record<Status, number> = {
  failed: 0,
  awaiting: 1,
  running: 2,
  queued: 3,
  cancelled: 4,
  completed: 5,
};

const column = createColumnHelper<typeof features, Job>();

export const columns = column.columns([
  column.accessor((job) => job.document?.filename ?? "", {
    id: "name",
    sortFn: (one, other) =>
      one.getValue<string>("name").localeCompare(other.getValue<string>("name"), undefined, {
        numeric: true,
        sensitivity: "base",
      }),
  }),
  column.accessor((job) => RANK[job.status] * 1000 + job.progress, {
    id: "status",
    sortFn: (one, other) => one.getValue<number>("status") - other.getValue<number>("status"),
  }),
  column.accessor((job) => job.document?.bytes ?? 0, {
    id: "size",
    sortFn: (one, other) => one.getValue<number>("size") - other.getValue<number>("size"),
  }),
  column.accessor((job) => job.created_at, {
    id: "created",
    sortFn: (one, other) => (one.original.created_at < other.original.created_at ? -1 : 1),
  }),
]);

export type ColumnId = "name" | "status" | "size" | "created";
