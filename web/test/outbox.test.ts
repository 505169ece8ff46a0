/** What waits is sent once, in order, and what is refused for good does not hold up the rest. */
import { MilepostError, type Source, type SubmitOptions } from "@milepost/client";
import { expect, test } from "vitest";
import { type Box, flush, type Waiting } from "../src/offline/outbox";

class Memory implements Box {
  readonly entries = new Map<string, Waiting>();

  constructor(...waiting: Waiting[]) {
    for (const entry of waiting) this.entries.set(entry.key, entry);
  }

  async all(): Promise<Waiting[]> {
    return [...this.entries.values()];
  }

  async put(waiting: Waiting): Promise<void> {
    this.entries.set(waiting.key, waiting);
  }

  async delete(key: string): Promise<void> {
    this.entries.delete(key);
  }
}

const waiting = (key: string, owner = "ann"): Waiting => ({
  key,
  owner,
  name: `${key}.md`,
  addedAt: 0,
  source: { text: key },
  options: { pipeline: "convert" },
});

const ann = async (): Promise<string> => "ann";

function recorder(answer: (source: Source) => Promise<unknown> = async () => undefined) {
  const sent: SubmitOptions[] = [];
  const submit = async (source: Source, options: SubmitOptions): Promise<unknown> => {
    sent.push(options);
    return answer(source);
  };
  return { sent, submit };
}

test("everything is sent, each under its own key", async () => {
  const box = new Memory(waiting("one"), waiting("two"));
  const { sent, submit } = recorder();
  expect(await flush(box, ann, submit)).toBe("done");
  expect(sent).toEqual([
    { pipeline: "convert", idempotencyKey: "one" },
    { pipeline: "convert", idempotencyKey: "two" },
  ]);
  expect(box.entries.size).toBe(0);
});

test("what another owner left is not sent, and stays", async () => {
  const box = new Memory(waiting("hers", "bob"), waiting("mine"));
  const { sent, submit } = recorder();
  await flush(box, ann, submit);
  expect(sent.map(({ idempotencyKey }) => idempotencyKey)).toEqual(["mine"]);
  expect([...box.entries.keys()]).toEqual(["hers"]);
});

test("where somebody else signs in meanwhile, the rest is not sent under their name", async () => {
  const box = new Memory(waiting("one"), waiting("two"));
  const { sent, submit } = recorder();
  await flush(box, async () => (sent.length === 0 ? "ann" : "bob"), submit);
  expect(sent.map(({ idempotencyKey }) => idempotencyKey)).toEqual(["one"]);
  expect([...box.entries.keys()]).toEqual(["two"]);
});

test("without a connection it waits on, the rest too", async () => {
  const box = new Memory(waiting("one"), waiting("two"));
  const { sent, submit } = recorder(async () => {
    throw new MilepostError("network", "No connection.", { retryable: true });
  });
  expect(await flush(box, ann, submit)).toBe("later");
  expect(sent).toHaveLength(1);
  expect(box.entries.size).toBe(2);
});

test("without a session it waits on", async () => {
  const box = new Memory(waiting("one"));
  const { submit } = recorder(async () => {
    throw new MilepostError("unauthenticated", "Sign in.", { status: 401 });
  });
  expect(await flush(box, ann, submit)).toBe("later");
  expect(box.entries.get("one")?.refused).toBeUndefined();
});

test("what is refused is marked and not sent again; the rest goes on", async () => {
  const box = new Memory(waiting("large"), waiting("small"));
  const { sent, submit } = recorder(async (source) => {
    if (typeof source === "object" && "text" in source && source.text === "large") {
      throw new MilepostError("body_too_large", "Too large.", { status: 413 });
    }
  });
  expect(await flush(box, ann, submit)).toBe("done");
  expect(box.entries.get("large")?.refused).toBe("Too large.");
  expect(box.entries.has("small")).toBe(false);
  await flush(box, ann, submit);
  expect(sent).toHaveLength(2);
});
