// The two hooks of the `document` dialect, over a WebSocket and over server-sent
// events, and the status route that they fall back to. Enters: `web` (see web.js).
// Leaves: what their callbacks are called with.

const TRIES = 5;
const FIRST_DELAY = 1000;

// As the hook with a socket: reconnects whenever it is closed, five times at most.
function useConversionWebSocket(web, documentId, on) {
  let socket;
  let tries = 0;
  let timer;
  let enabled = true;
  const send = (message) => socket.send(JSON.stringify(message));
  const connect = () => {
    const path = `/api/websocket/conversion-progress?documentId=${documentId}`;
    socket = new web.WebSocket(web.base.replace(/^http/, "ws") + path);
    socket.onopen = () => {
      tries = 0;
      on.connection(true);
    };
    socket.onmessage = ({ data }) => {
      const message = JSON.parse(data);
      on.message(message);
      if (message.type === "conversion_progress" && message.progress) {
        on.progress(message.progress, message.documentId);
      } else if (message.type === "conversion_complete" && message.result) {
        on.complete(message.result, message.documentId);
      } else if (message.type === "error" && message.error) {
        on.error(message.error, message.documentId);
      } else if (message.type === "ping") {
        send({ type: "pong", timestamp: new Date().toISOString() });
      }
    };
    socket.onclose = ({ code }) => {
      on.connection(false, code);
      if (!enabled) return;
      if (tries === TRIES) return on.gone();
      timer = web.clock.after(FIRST_DELAY * 2 ** tries, connect);
      tries += 1;
    };
    socket.onerror = () => on.trouble("Connection failed");
  };
  connect();
  return {
    subscribe: (id) => send({ type: "subscribe", documentId: id }),
    unsubscribe: (id) => send({ type: "unsubscribe", documentId: id }),
    ping: () => send({ type: "ping" }),
    disconnect() {
      enabled = false;
      web.clock.cancel(timer);
      socket.close();
    },
  };
}

// As the hook with server-sent events: the browser reconnects by itself.
function useConversionSSE(web, documentId, on) {
  const path = `/api/sse/conversion-progress?documentId=${documentId}`;
  const source = new web.EventSource(web.base + path);
  source.onopen = () => on.connection(true);
  source.onmessage = ({ data, lastEventId }) => {
    const message = JSON.parse(data);
    on.message({ ...message, lastEventId });
    if (message.type === "progress") on.progress(message.progress, message.documentId);
    if (message.type === "complete") on.complete(message.result, message.documentId);
    if (message.type === "error") on.error(message.error, message.documentId);
  };
  source.onerror = () => {
    on.connection(false);
    // Refused, and not tried again.
    if (source.readyState === 2) on.gone();
  };
  return { disconnect: () => source.close() };
}

// What the panel beside the document makes of an update.
function panel({ stage, status, progress, message, totalPages, processedPages, retryCount }) {
  return {
    stage: stage.replace("_", " "),
    status: status.replace("_", " "),
    bar: Math.round(progress),
    message,
    pages: totalPages ? `${processedPages} / ${totalPages}` : null,
    retry: status === "failed" && retryCount < 3,
  };
}

async function status(web, id, request) {
  const reply = await web.fetch(`${web.base}/api/documents/${id}/conversion-status`, request);
  if (!reply.ok) throw new Error(`HTTP ${reply.status}: ${(await reply.json()).error}`);
  return reply.json();
}

// Asks every two seconds, as long as there is something to wait for.
async function poll(web, id) {
  for (;;) {
    const now = await status(web, id);
    web.show({ polled: now, panel: panel(now) });
    if (now.status !== "queued" && now.status !== "processing") return;
    await web.clock.pause(2000);
  }
}

function action(web, id, body) {
  return status(web, id, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
}

// Watches the document `id` by `hook` until `ends` jobs of it have ended, or until
// the test says "stop". Other words of the test: "subscribe ID", "start ID" and so on.
export async function run(web, { id, hook, ends = Infinity }) {
  const { show } = web;
  if (hook === "poll") return poll(web, id);
  await new Promise((resolve) => {
    let left = ends;
    const ended = () => {
      left -= 1;
      if (left === 0) resolve();
    };
    const on = {
      connection: (connected, code) => show({ connected, code }),
      message: (message) => show({ message }),
      progress: (progress, document) => show({ document, panel: panel(progress) }),
      complete(result, document) {
        show({ document, complete: result });
        ended();
      },
      error: (error, document) => show({ document, error }),
      trouble: (trouble) => show({ trouble }),
      refused: ({ message }) => show({ trouble: message }),
      gone() {
        show({ gone: true });
        resolve();
      },
    };
    const use = hook === "sse" ? useConversionSSE : useConversionWebSocket;
    const hooked = use(web, id, on);
    web.orders(async (order, of) => {
      if (order === "stop") resolve();
      else if (hooked[order]) hooked[order](of);
      else {
        const answer = action(web, of, { action: order, priority: "normal" });
        await answer.then((answer) => show({ [order]: answer }), on.refused);
      }
    });
    web.finally(() => hooked.disconnect());
  });
}
