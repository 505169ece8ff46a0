// The page of `rooms`: confirms a job, sends its PDF, and follows it in its room over
// Socket.IO. Enters: `web` (see web.js), which has `io` as well. Leaves: what its user
// would be shown.

function useJobWebSocket(web, { id, token, transports, where = "auth" }, on) {
  const socket = web.io(web.base, {
    path: "/socket.io/",
    transports,
    reconnection: true,
    reconnectionAttempts: 5,
    reconnectionDelay: web.clock.ms(1000),
    forceNew: true,
    // Older pages send the token here, newer ones there.
    [where]: { token },
  });
  const transport = () => socket.io.engine.transport.name;
  socket.io.on("open", () => {
    on.show({ transport: transport() });
    socket.io.engine.once("upgrade", () => on.show({ transport: transport() }));
  });
  socket.on("connect", () => {
    on.show({ connected: true });
    socket.emit("join_job", { job_id: id, token });
  });
  socket.on("disconnect", (reason) => {
    if (reason !== "io client disconnect") on.show({ connected: false, reason });
  });
  socket.on("connect_error", ({ message }) => on.refused(message));
  socket.on("error", ({ message }) => on.show({ error: message }));
  socket.on("joined_room", (room) => on.show({ joined: room.job_id }));
  socket.on("left_room", (room) => on.show({ left: room.job_id }));
  socket.on("job_progress", on.job);
  socket.io.on("reconnect_failed", on.gone);
  return socket;
}

async function call(web, token, path, body) {
  const headers = { Authorization: `Bearer ${token}` };
  const request = { headers, method: body ? "POST" : "GET", body };
  if (typeof body === "string") headers["Content-Type"] = "application/json";
  const reply = await web.fetch(`${web.base}/api/v1${path}`, request);
  const json = await reply.json();
  if (reply.ok) return json;
  throw Object.assign(new Error(json.msg || json.message || json.error), { status: reply.status });
}

async function begin(web, token, name, bytes) {
  const settings = { original_filename: name, sentence_length_limit: 8 };
  const confirm = { estimated_credits: 3, model_preference: "speed", processing_settings: settings };
  const confirmed = await call(web, token, "/credits/jobs/confirm", JSON.stringify(confirm));
  web.show({ confirmed });
  const form = new FormData();
  form.append("pdf_file", new Blob([web.decode(bytes)], { type: "application/pdf" }), name);
  form.append("job_id", confirmed.job_id.toString());
  form.append("sentence_length_limit", "8");
  web.show({ started: await call(web, token, "/process-pdf-async", form) });
  return confirmed.job_id;
}

// What the page reads from a finished job.
function sentences(job) {
  if (!Array.isArray(job.chunk_results)) return [];
  const good = job.chunk_results.filter((chunk) => chunk.status === "success");
  return good.flatMap((chunk) => chunk.sentences.map((sentence) => sentence.normalized));
}

// Sends `bytes`, or follows the job `id`, to the end. Words of the test: "cancel" by
// request, "emit EVENT" for one about this job, "stop".
export async function run(web, { name, bytes, id, token = "none", transports, where }) {
  const { show } = web;
  try {
    id ??= await begin(web, token, name, bytes);
  } catch (error) {
    return show({ error: error.message, status: error.status });
  }
  const ends = { completed: "success", failed: "error", cancelled: "info" };
  await new Promise((resolve) => {
    const socket = useJobWebSocket(web, { id, token, transports, where }, {
      show,
      refused(message) {
        show({ error: `Connection error: ${message}` });
        // Refused by the server, which ends it; else it is tried again.
        if (!socket.active) resolve();
      },
      job(job) {
        if (job.status === "processing") {
          show({ loading: `${job.current_step} (${job.progress_percent}%)`, job });
        } else {
          show({ job });
        }
        if (!ends[job.status]) return;
        const text = job.status === "failed" ? job.error_message || "Processing failed" : job.status;
        show({ [ends[job.status]]: text, sentences: sentences(job) });
        resolve();
      },
      gone() {
        show({ gone: true });
        resolve();
      },
    });
    web.finally(() => {
      if (socket.connected) socket.emit("leave_job", { job_id: id });
      socket.disconnect();
    });
    web.orders(async (order, event) => {
      if (order === "stop") resolve();
      if (order === "emit") socket.emit(event, { job_id: id });
      if (order === "cancel") show({ cancel: await call(web, token, `/jobs/${id}/cancel`, "{}") });
    });
  });
}
