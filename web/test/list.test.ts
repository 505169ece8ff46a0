/** What the address says of the list, what a request asks for, which orders a job takes. */
import type { Job, Status } from "@milepost/client";
import { expect, test } from "vitest";
import { type Bulk, bulks, MANY, orderAll } from "../src/list/bulk";
import { filterOf, queryOf, requestOf } from "../src/list/filter";
import { takes } from "../src/list/orders";

test("the address and the filter are the same thing", () => {
  const query = new URLSearchParams("status=failed&q=invoice&batch=1");
  expect(queryOf(filterOf(query)).toString()).toBe("status=failed&q=invoice&batch=1");
});

test("what the address should not say counts as not set", () => {
  expect(queryOf(filterOf(new URLSearchParams("status=nonsense&x=1"))).size).toBe(0);
});

test("what is under way has three statuses", () => {
  expect(requestOf(filterOf(new URLSearchParams("status=underway&q=%20a%20")))).toEqual({
    limit: 200,
    status: ["awaiting", "queued", "running"],
    q: "a",
  });
});

const job = (status: Status, more: Partial<Job> = {}): Job =>
  ({ status, pipeline: "convert", document: { id: "1" }, ...more }) as Job;

test("a job takes the orders that its status allows", () => {
  const orders = (one: Job) =>
    (["confirm", "cancel", "retry", "again", "delete"] as const).filter((order) =>
      takes(order, one),
    );
  expect(orders(job("awaiting"))).toEqual(["confirm", "cancel", "again"]);
  expect(orders(job("awaiting", { document: null }))).toEqual(["cancel"]);
  expect(orders(job("running"))).toEqual(["cancel", "again"]);
  expect(orders(job("failed"))).toEqual(["retry", "again", "delete"]);
  expect(orders(job("completed"))).toEqual(["again", "delete"]);
  expect(orders(job("completed", { pipeline: "external" }))).toEqual(["delete"]);
  expect(orders(job("failed", { document: null }))).toEqual(["retry", "delete"]);
});

test("one refusal stops nothing, and all are told", async () => {
  const done: number[] = [];
  let at = 0;
  let most = 0;
  const refused = await orderAll("cancel", [1, 2, 3, 4, 5, 6, 7, 8], async (thing) => {
    at += 1;
    most = Math.max(most, at);
    await Promise.resolve();
    at -= 1;
    if (thing === 3) throw new Error("No.");
    done.push(thing);
  });
  expect(done.sort()).toEqual([1, 2, 4, 5, 6, 7, 8]);
  expect(refused.map(({ message }) => message)).toEqual(["No."]);
  expect(most).toBe(4);
});

test("an order to many tells how far it is, and is over at its end", async () => {
  const things = Array.from({ length: MANY + 1 }, (_, thing) => thing);
  const seen: (Bulk | undefined)[] = [];
  const stop = bulks.subscribe(() => seen.push(bulks.get()[0]));
  await orderAll("delete", things, async () => undefined);
  stop();
  expect(seen[0]).toMatchObject({ order: "delete", done: 0, total: MANY + 1 });
  expect(seen.at(-2)?.done).toBe(MANY + 1);
  expect(seen.at(-1)).toBeUndefined();
});

test("an order to a few shows no progress", async () => {
  await orderAll("cancel", [1, 2], async () => {
    expect(bulks.get()).toEqual([]);
  });
});

test("what is stopped begins no more", async () => {
  const begun: number[] = [];
  await orderAll("cancel", [...Array(100).keys()], async (thing) => {
    begun.push(thing);
    if (thing === 30) bulks.get()[0]?.stop();
  });
  expect(begun).toContain(30);
  // Those that were begun beside it, and no more.
  expect(begun.length).toBeLessThan(36);
  expect(bulks.get()).toEqual([]);
});
