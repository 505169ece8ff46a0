/** What the address says of the list, what a request asks for, which orders a job takes. */
import type { Job, Status } from "@milepost/client";
import { expect, test } from "vitest";
import { filterOf, queryOf, requestOf } from "../src/list/filter";
import { forEach, takes } from "../src/list/orders";

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
  const refused = await forEach([1, 2, 3, 4, 5, 6, 7, 8], async (thing) => {
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
