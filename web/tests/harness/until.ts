// Waits for what a browser does not show. Enters: a question. Leaves: its first yes, or
// an error that says what did not happen. Never: decides by how long it took.

/** ms after which a promise is broken. Generous: the machine may be busy. */
const DEADLINE = 60_000;
/** ms between two questions, so that others get to work. */
const PAUSE = 25;

/** Asks again and again until the answer is yes, for `limit` ms at most. */
export async function until(
  what: string,
  ask: () => Promise<boolean>,
  limit = DEADLINE,
): Promise<void> {
  const deadline = performance.now() + limit;
  while (!(await ask())) {
    if (performance.now() > deadline) throw new Error(`Not within ${limit} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, PAUSE));
  }
}
