/** The list without a connection. */
import type { Job } from "@milepost/client";
import { expect, test } from "vitest";
import { withOpened } from "../src/offline/opened";

const job = (id: string, seq: number) => ({ id, seq }) as Job;

test("what was opened joins the list where it belongs, and what is newer wins", () => {
  const listed = [job("c", 3), job("a", 5)];
  expect(withOpened(listed, [job("b", 1), job("a", 7), job("c", 2)])).toEqual([
    job("c", 3),
    job("b", 1),
    job("a", 7),
  ]);
});

test("without any the list is the same one", () => {
  const listed = [job("a", 1)];
  expect(withOpened(listed, [])).toBe(listed);
});
