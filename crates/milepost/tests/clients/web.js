// What a client's module gets instead of a browser's globals, in Node and in a page
// alike. Enters: the server's URL, where lines go, how fast the clock runs. Leaves:
// the one `web` that every module takes.

// A clock whose hours pass `speed` times as fast: pauses of half a minute are kept in
// their order, and no test waits for them.
function clockOf(speed) {
  return {
    after: (ms, then) => setTimeout(then, ms / speed),
    cancel: (timer) => clearTimeout(timer),
    ms: (ms) => ms / speed,
    pause: (ms) => new Promise((resolve) => setTimeout(resolve, ms / speed)),
  };
}

const decode = (base64) => Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));

export function webOf({ base, show, speed = 1, WebSocket, EventSource, io }) {
  let heed = null;
  const early = [];
  const cleanups = [];
  return {
    base,
    show,
    decode,
    WebSocket,
    EventSource,
    io,
    secure: base.startsWith("https:"),
    fetch: (...request) => fetch(...request),
    clock: clockOf(speed),
    // Words of the test, such as "subscribe ID"; those that came early as well.
    orders(take) {
      heed = take;
      early.splice(0).forEach((words) => take(...words));
    },
    order(line) {
      const words = line.split(" ");
      if (heed) heed(...words);
      else early.push(words);
    },
    finally: (cleanup) => cleanups.push(cleanup),
    end: () => cleanups.forEach((cleanup) => cleanup()),
  };
}
