// The progress page of the `agents` dialect: a socket that tries again with growing
// pauses, five times, and then asks every three seconds. Enters: `web` (see web.js).
// Leaves: what its user would be shown.

const TERMINAL = ["completed", "failed", "cancelled"];

class ConversionWebSocket {
  tries = 0;
  intended = false;

  constructor(web, job, on) {
    this.web = web;
    this.on = on;
    this.url = `${web.base.replace(/^http/, "ws")}/api/v1/conversions/${job}/ws`;
  }

  connect() {
    this.on.status("connecting");
    this.socket = new this.web.WebSocket(this.url);
    this.socket.onopen = () => {
      this.tries = 0;
      this.on.status("connected");
    };
    this.socket.onmessage = ({ data }) => this.on.message(JSON.parse(data));
    this.socket.onerror = () => this.on.status("error");
    this.socket.onclose = ({ code }) => {
      if (this.intended) return;
      this.on.status("disconnected", code);
      if (this.tries === 5) return this.on.gaveUp();
      const delay = Math.min(1000 * 2 ** this.tries, 30_000);
      this.tries += 1;
      this.on.retry(delay);
      this.web.clock.after(delay, () => this.connect());
    };
  }

  disconnect() {
    this.intended = true;
    this.socket.close(1000, "User disconnected");
  }
}

async function call(web, path, request) {
  const reply = await web.fetch(`${web.base}/api/v1${path}`, request);
  if (reply.ok) return reply;
  const { detail } = await reply.json();
  throw Object.assign(new Error(detail), { status: reply.status });
}

async function begin(web, name, bytes) {
  const form = new FormData();
  form.append("file", new Blob([web.decode(bytes)]), name);
  form.append("options", JSON.stringify({ assumptions: "conservative", target_version: "1.20.0" }));
  const body = await (await call(web, "/conversions", { method: "POST", body: form })).json();
  const minutes = Math.round(body.estimated_time_seconds / 60);
  web.show({ started: body, message: `Conversion started. Estimated time: ${minutes} minutes` });
  return body.conversion_id;
}

// What the page makes of a state.
function page(state) {
  const steps = ["Queued", "Processing", "Completed"];
  const step = steps.indexOf(state.stage || "Queued");
  return {
    status: state.status,
    bar: Math.round(Math.min(state.progress, 100)),
    step: state.status === "completed" ? 2 : Math.max(step, 0),
    left: state.estimated_time_remaining || "N/A",
    agents: state.agents?.map(({ name, status, progress }) => `${name}: ${status} ${progress}`),
    error: state.status === "failed" ? state.error || state.message : null,
  };
}

async function download(web, state) {
  const url = state.result_url.startsWith("http") ? state.result_url : web.base + state.result_url;
  // The link is tried before it is followed.
  const head = await web.fetch(url, { method: "HEAD" });
  const reply = await web.fetch(url);
  const disposition = reply.headers.get("Content-Disposition");
  const name = disposition?.match(/filename="([^"]+)"/)?.[1];
  web.show({ download: name, head: head.status, size: (await reply.blob()).size });
}

// Watches the conversion of `bytes`, or the job `id`, to its end. A word of the test,
// "cancel", presses that button.
export async function run(web, { name, bytes, id }) {
  const { show, clock } = web;
  try {
    id ??= await begin(web, name, bytes);
  } catch (error) {
    return show({ error: error.message, status: error.status });
  }
  const last = await new Promise((resolve) => {
    let over = false;
    const update = (by, state) => {
      if (over) return;
      show({ by, state, page: page(state) });
      over = TERMINAL.includes(state.status);
      if (!over) return;
      socket.disconnect();
      resolve(state);
    };
    const poll = async () => {
      try {
        const body = await (await call(web, `/conversions/${id}`)).json();
        update("polling", { ...body, job_id: body.conversion_id });
      } catch (error) {
        show({ trouble: "Failed to fetch conversion status. Retrying...", detail: error.message });
      }
      if (!over) clock.after(3000, poll);
    };
    const socket = new ConversionWebSocket(web, id, {
      status: (connection, code) => show({ connection, code }),
      message: (state) => update("socket", state),
      retry: (delay) => show({ delay }),
      gaveUp() {
        show({ fallback: "Using fallback polling" });
        clock.after(3000, poll);
      },
    });
    socket.connect();
    web.orders(async (order) => {
      if (order !== "cancel") return;
      const reply = await call(web, `/conversions/${id}`, { method: "DELETE" });
      show({ cancel: reply.status });
    });
  });
  if (last.result_url) await download(web, last);
}
