// The upload form of the `upload` dialect: sends texts, then shows a bar that a
// socket moves. Enters: `web` (see web.js). Leaves: what its user would be shown.

const LABELS = {
  received: "📥 Received",
  extracting: "🔍 Extracting",
  chunking: "✂️ Chunking",
  enriching: "✨ Enriching metadata",
  indexing: "🗂️ Indexing",
};

// Sends `documents`, or watches the upload `id` that somebody else has sent.
export async function run(web, { documents, collection = "rag_documents", id }) {
  const { show } = web;
  if (!id) {
    const began = Date.now();
    const reply = await web.fetch(`${web.base}/upload`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ collection_name: collection, documents, force_recreate: false }),
    });
    const body = await reply.json();
    if (!reply.ok) return show({ error: body.detail, status: reply.status });
    show({ reply: body, took: Date.now() - began });
    show({ success: `Upload received! Processing ${documents.length} document(s)...` });
    id = body.upload_id;
  }
  await new Promise((resolve) => {
    const socket = new web.WebSocket(`${web.base.replace("http", "ws")}/ws/${id}`);
    const end = () => {
      // By now the server may have closed it; a browser does not mind.
      socket.send("close");
      socket.close();
    };
    socket.onmessage = ({ data }) => {
      const update = JSON.parse(data);
      show({ update });
      if (update.status === "completed") {
        show({ success: `✅ Processing complete! ${update.message}` });
        end();
      } else if (update.status === "failed") {
        show({ error: `❌ Processing failed: ${update.message}` });
        end();
      } else {
        show({
          label: LABELS[update.status],
          percent: `${Math.round(update.progress_percent)}%`,
          message: update.message,
          chunk: `Chunk ${update.current_chunk} of ${update.total_chunks}`,
        });
      }
    };
    socket.onerror = () => show({ error: "Connection lost. Please try again." });
    socket.onclose = ({ code, wasClean }) => {
      show({ closed: code, clean: wasClean });
      resolve();
    };
  });
}
