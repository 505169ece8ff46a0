// The format of event streams (the HTML standard's `text/event-stream`). Enters:
// pieces of text. Leaves: events. Never: keeps more than one event's text.

import { MAX_MESSAGE } from "./messages.js";

/** One event. `id` where it came with one, or one came without an event. */
export interface StreamEvent {
  readonly name: string;
  readonly data: string;
  readonly id: string | undefined;
}

/**
 * A reader for one stream: takes what came, and hands out what is whole.
 * @throws RangeError where an event is longer than any that a server sends
 */
export function eventReader(receive: (event: StreamEvent) => void): (text: string) => void {
  let rest = "";
  let name = "";
  let data: string[] = [];
  let id: string | undefined;
  return (text) => {
    rest += text;
    if (rest.length > MAX_MESSAGE) throw new RangeError("an event is too long");
    const lines = rest.split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop() ?? "";
    for (const line of lines) {
      if (line === "") {
        if (data.length > 0 || id !== undefined) {
          receive({ name: name || "message", data: data.join("\n"), id });
        }
        [name, data, id] = ["", [], undefined];
        continue;
      }
      const colon = line.indexOf(":");
      if (colon === 0) continue;
      const field = colon < 0 ? line : line.slice(0, colon);
      const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
      if (field === "event") name = value;
      else if (field === "data") data.push(value);
      else if (field === "id") id = value;
    }
  };
}
