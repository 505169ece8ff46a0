// The machine by itself: each decision, from each state.

import { describe, expect, it } from "vitest";
import { backoffOf } from "../src/backoff.js";
import { MilepostError, networkError, timeoutError } from "../src/errors.js";
import { type Effect, type Event, type Machine, type Rules, step } from "../src/live/machine.js";

const rules: Rules = {
  transports: ["websocket", "sse", "poll"],
  backoff: backoffOf({ jitter: "none" }, () => 0),
};
const broken = networkError();
const refused = new MilepostError("forbidden", "no");

/** The state behind these events, and the effects of the last. */
function behind(...events: Event[]): { state: Machine; effects: readonly Effect[] } {
  let state: Machine = { status: "idle" };
  let effects: readonly Effect[] = [];
  for (const event of events) [state, effects] = step(state, event, rules);
  return { state, effects };
}

const wanted: Event = { type: "wanted" };
const opened = (at = 0): Event => ({ type: "opened", at });
const failed = (at = 0, rest: Partial<Event & { type: "failed" }> = {}): Event => ({
  type: "failed",
  error: broken,
  at,
  ...rest,
});
const due: Event = { type: "due" };
const failures = (count: number): Event[] =>
  Array.from({ length: count }, () => [failed(), due]).flat();

describe("opening", () => {
  it("opens the best transport when something is watched", () => {
    const { state, effects } = behind(wanted);
    expect(state).toMatchObject({ status: "connecting", level: 0 });
    expect(effects).toEqual([{ type: "open", level: 0 }]);
  });

  it("is live once it is open", () => {
    expect(behind(wanted, opened(7))).toMatchObject({
      state: { status: "live", since: 7 },
      effects: [],
    });
  });

  it("closes when nothing is watched any more", () => {
    expect(behind(wanted, opened(), { type: "unwanted" })).toEqual({
      state: { status: "idle" },
      effects: [{ type: "close" }],
    });
  });
});

describe("failing", () => {
  it.each([
    [1, 1_000],
    [2, 2_000],
    [3, 4_000],
    [4, 8_000],
  ])("waits longer each time: failure %i", (count, ms) => {
    const { state, effects } = behind(wanted, ...failures(count - 1), failed(50));
    expect(state).toMatchObject({ status: "retrying", attempt: count, level: 0, retryAt: 50 + ms });
    expect(effects).toEqual([{ type: "close" }, { type: "timer", event: "due", ms }]);
  });

  it("takes the next transport at once behind the fifth failure", () => {
    const { state, effects } = behind(wanted, ...failures(4), failed());
    expect(state).toMatchObject({ status: "connecting", level: 1, attempt: 0 });
    expect(effects).toEqual([{ type: "open", level: 1 }]);
  });

  it("takes the next transport behind one opening in which nothing came", () => {
    const held = failed(0, { error: timeoutError() });
    expect(behind(wanted, held)).toMatchObject({
      state: { status: "connecting", level: 1, attempt: 0 },
      effects: [{ type: "open", level: 1 }],
    });
    // What stood, and the last transport, are tried again.
    expect(behind(wanted, opened(), held).state).toMatchObject({ status: "retrying", level: 0 });
    expect(behind(wanted, held, held, held).state).toMatchObject({
      status: "retrying",
      level: 2,
      attempt: 1,
    });
  });

  it("stays with the last transport", () => {
    const { state } = behind(
      wanted,
      ...failures(4),
      failed(),
      ...failures(4),
      failed(),
      ...failures(9),
      failed(),
    );
    expect(state).toMatchObject({ status: "retrying", level: 2, attempt: 10 });
  });

  it("forgets failures behind a connection that stood for a while, and no others", () => {
    const flapping = behind(wanted, ...failures(3), opened(0), failed(4_999));
    expect(flapping.state).toMatchObject({ attempt: 4 });
    const stable = behind(wanted, ...failures(3), opened(0), failed(5_000));
    expect(stable.state).toMatchObject({ attempt: 1 });
  });

  it("ends where the same would only happen again", () => {
    const { state, effects } = behind(wanted, opened(), failed(0, { error: refused }));
    expect(state).toEqual({ status: "ended", error: refused });
    expect(effects).toEqual([{ type: "close" }, { type: "final", error: refused }]);
  });

  it("does not take a proxy's word for the server's", () => {
    const page = new MilepostError("invalid_response", "a page", { status: 403 });
    expect(behind(wanted, failed(0, { error: page })).state.status).toBe("retrying");
  });

  it("ends where the back-off gives up, and there is no other transport", () => {
    const few: Rules = { ...rules, backoff: backoffOf({ maxAttempts: 1 }, () => 0.5) };
    const at = (level: number): Machine => ({ status: "connecting", level, attempt: 1 });
    expect(step(at(0), failed(), few)[0]).toMatchObject({ status: "connecting", level: 1 });
    expect(step(at(2), failed(), few)[0]).toEqual({ status: "ended", error: broken });
  });

  it("waits as long as the server asks, and then as others do not", () => {
    expect(behind(wanted, opened(), failed(0, { after: 500 })).effects).toContainEqual({
      type: "timer",
      event: "due",
      ms: 1_500,
    });
  });

  it("goes on at once where the server was only too fast for it, but not forever", () => {
    expect(behind(wanted, opened(), failed(9_000, { after: 0 })).state.status).toBe("connecting");
    expect(behind(wanted, ...failures(1), failed(0, { after: 0 })).state.status).toBe("retrying");
  });

  it("tells a back-off of one's own the attempt, the error and the latency", () => {
    const calls: unknown[] = [];
    const own: Rules = {
      ...rules,
      backoff(...all) {
        calls.push(all);
        return 10;
      },
    };
    step({ status: "connecting", level: 0, attempt: 2 }, failed(0, { latency: 7 }), own);
    expect(calls).toEqual([[3, broken, 7]]);
  });
});

describe("below the best transport", () => {
  const below = [wanted, ...failures(4), failed(), opened(100)];

  it("looks soon whether the better one works again, then ever more rarely", () => {
    const { state, effects } = behind(...below);
    expect(state).toMatchObject({ status: "live", level: 1 });
    expect(effects).toEqual([{ type: "timer", event: "probe", ms: 1_000 }]);
    const no: Event = { type: "probed", level: 0, ok: false, at: 0 };
    expect(behind(...below, { type: "probe" }).effects).toEqual([{ type: "probe", level: 0 }]);
    expect(behind(...below, no).effects).toEqual([{ type: "timer", event: "probe", ms: 30_000 }]);
    expect(behind(...below, no, no, no, no, no).effects).toEqual([
      { type: "timer", event: "probe", ms: 300_000 },
    ]);
  });

  it("takes the better one once it is open, and only then leaves the other", () => {
    const { state, effects } = behind(...below, { type: "probed", level: 0, ok: true, at: 200 });
    expect(state).toMatchObject({ status: "live", level: 0, attempt: 0 });
    expect(effects).toEqual([{ type: "adopt", level: 0 }]);
  });

  it("is polling with the last, and looks at all better ones in turn", () => {
    const polling = [...below, ...failures(4), failed(), opened(0)];
    expect(behind(...polling).state).toMatchObject({ status: "polling", level: 2 });
    const no: Event = { type: "probed", level: 0, ok: false, at: 0 };
    expect(behind(...polling, no, { type: "probe" }).effects).toEqual([
      { type: "probe", level: 1 },
    ]);
  });

  it("looks at once when somebody asks for it", () => {
    expect(behind(...below, { type: "retry" }).effects).toEqual([{ type: "probe", level: 0 }]);
  });
});

describe("the browser", () => {
  it("closes without a network, and looks now and then whether that is true", () => {
    const { state, effects } = behind(wanted, opened(), { type: "offline", at: 5 });
    expect(state).toMatchObject({ status: "offline", retryAt: 30_005 });
    expect(effects).toEqual([{ type: "close" }, { type: "timer", event: "due", ms: 30_000 }]);
  });

  it("begins with the best transport on another network", () => {
    const { state } = behind(wanted, ...failures(4), failed(), failed(), { type: "online" });
    expect(state).toMatchObject({ status: "connecting", level: 0, attempt: 0 });
  });

  it("tries at once when the page is seen again, and counts on", () => {
    const { state } = behind(wanted, failed(), { type: "visible" });
    expect(state).toMatchObject({ status: "connecting", attempt: 1 });
  });

  it("asks for a sign of life where it is open", () => {
    expect(behind(wanted, opened(), { type: "visible" }).effects).toEqual([{ type: "check" }]);
  });
});

describe("the end", () => {
  it("begins anew when somebody watches, or asks for it", () => {
    const ended: Event[] = [wanted, failed(0, { error: refused })];
    expect(behind(...ended, wanted).state).toMatchObject({ status: "connecting", attempt: 0 });
    expect(behind(...ended, { type: "retry" }).state).toMatchObject({ status: "connecting" });
    expect(behind(...ended, { type: "online" }).state.status).toBe("ended");
  });

  it("takes nothing late", () => {
    for (const late of [opened(), failed(), due, { type: "probe" } as const]) {
      expect(behind(wanted, { type: "unwanted" }, late)).toEqual({
        state: { status: "idle" },
        effects: [],
      });
    }
  });
});

describe("the back-off", () => {
  it("doubles to its limit", () => {
    const backoff = backoffOf({ jitter: "none" }, () => 0);
    expect([1, 2, 3, 4, 5, 6, 7, 40].map((n) => backoff(n, undefined, undefined))).toEqual([
      1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000,
    ]);
  });

  it("is anything below that with full jitter", () => {
    expect(backoffOf(undefined, () => 0.25)(3, undefined, undefined)).toBe(1_000);
  });
});
