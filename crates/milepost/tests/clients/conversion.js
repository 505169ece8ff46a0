// The web client of the `conversion` dialect: a list of documents, each with a
// button that converts it and a bar that follows over a socket. Enters: `web`, what
// a browser offers (see web.js). Leaves: what its user would be shown.

class Documents {
  constructor(web) {
    this.web = web;
    this.api = web.base;
  }

  // The server says where it is to be called.
  async configure() {
    const config = await (await this.web.fetch(`${this.api}/config`)).json();
    this.api = config.apiDomain;
    return config;
  }

  async call(path, request = {}) {
    // Every request carries a token that nobody has issued, and the language.
    const headers = {
      ...request.headers,
      authorization: "Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ0ZW1wIn0=.dGVtcA==",
      currentLanguage: "en",
    };
    const reply = await this.web.fetch(`${this.api}${path}`, { ...request, headers });
    const body = await reply.json();
    if (!reply.ok) throw Object.assign(new Error(body.detail), { status: reply.status });
    return body;
  }

  upload(name, bytes) {
    const form = new FormData();
    form.append("file", new Blob([bytes]), name);
    return this.call("/upload", { method: "POST", body: form });
  }

  convert(filename, mode = "prompt_layout_all_en") {
    const form = new FormData();
    form.append("filename", filename);
    form.append("prompt_mode", mode);
    return this.call("/convert", { method: "POST", body: form });
  }

  connectToConversionProgress(id, onMessage, onError) {
    const host = this.api.replace(/^https?:\/\//, "");
    const protocol = this.web.secure ? "wss:" : "ws:";
    const socket = new this.web.WebSocket(`${protocol}//${host}/ws/conversion/${id}`);
    socket.onmessage = (event) => onMessage(JSON.parse(event.data));
    socket.onerror = onError;
    return socket;
  }
}

// The bar of one document, until its conversion has ended or the connection failed.
function follow(documents, id, show) {
  return new Promise((resolve) => {
    const socket = documents.connectToConversionProgress(
      id,
      (update) => {
        show({ bar: Math.round(update.progress || 0), update });
        if (update.status === "completed") show({ toast: "Document converted successfully" });
        if (update.status === "error") show({ toast: update.message || "Conversion failed" });
        if (["completed", "error"].includes(update.status)) resolve(socket);
      },
      () => {
        show({ toast: "Connection error during conversion" });
        resolve(socket);
      },
    );
  });
}

async function list(documents, show) {
  const { status, documents: all, total } = await documents.call("/documents");
  if (status !== "success") return;
  const rows = all.map((row) => ({
    ...row,
    // What the table computes of them.
    age: new Date(row.upload_time).getTime(),
    size: Math.log(row.file_size) / Math.log(1024),
  }));
  show({ rows: rows.sort((a, b) => b.age - a.age), total });
}

// Uploads and converts `name`, with `watchers` bars at once, and reads the result.
// With `id` it joins a conversion that somebody else has begun.
export async function run(web, { name, bytes, id, mode, watchers = 1 }) {
  const documents = new Documents(web);
  const { show } = web;
  const { apiDomain, basePath } = await documents.configure();
  show({ config: { apiDomain, basePath } });
  try {
    if (bytes) {
      const reply = await documents.upload(name, web.decode(bytes));
      if (reply.status === "success") show({ toast: `${name} uploaded successfully`, reply });
      await list(documents, show);
    }
    if (!id) {
      const reply = await documents.convert(name, mode);
      show({ reply });
      // Without these two the button stays busy for ever.
      if (reply.status !== "accepted" || !reply.conversion_id) return;
      id = reply.conversion_id;
    }
  } catch (error) {
    show({ toast: "Failed to start conversion", detail: error.message, status: error.status });
    return;
  }
  const bars = Array.from({ length: watchers }, (_, watcher) =>
    follow(documents, id, (line) => show({ watcher, ...line })),
  );
  const sockets = await Promise.all(bars);
  show({ status: await documents.call(`/conversion-status/${id}`) });
  await web.clock.pause(1000);
  await list(documents, show);
  // Nothing was closed yet: the page closes them when it is left.
  show({ open: sockets.filter((socket) => socket.readyState === 1).length });
  sockets.forEach((socket) => socket.close());
  try {
    const { content } = await documents.call(`/markdown/${name.split(".")[0]}`);
    show({ lines: content.split("\n").length, content });
  } catch (error) {
    show({ toast: "Failed to load markdown content", detail: error.message });
  }
}
