/** The text of a result. Enters: a finished job and a format. Read anew where a retry made another. */
import type { Format, Job } from "@milepost/client";
import { useMilepost } from "@milepost/react";
import { type Loaded, useLoad } from "../ui/use-load";

export function useResult({ id, attempt }: Job, format: Format): Loaded<string> {
  const client = useMilepost();
  return useLoad(`${id} ${attempt} ${format}`, (signal) => client.result(id, { format, signal }));
}
