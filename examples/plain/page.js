// Submits a file, shows how far its conversion is, then the Markdown.
// Enters: what the person chooses. Leaves: the page's text. Never: HTML out of a document.

const { Milepost, isTerminal } = window;
const milepost = new Milepost({ baseUrl: window.MILEPOST_URL });

const part = (id) => document.getElementById(id);
const form = document.querySelector("form");
let current;

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const [file] = part("file").files;
  current?.watch.close();
  part("result").hidden = true;
  try {
    const job = await milepost.submit(file);
    const watch = milepost.watch(job.id, {
      onProgress: show,
      onComplete: async ({ id }) => showResult(await milepost.result(id)),
      onError: (error, failed) => say(failed?.error?.message ?? error.message),
    });
    current = { id: job.id, watch };
    show(job);
  } catch (error) {
    say(error.message);
  }
});

part("cancel").addEventListener("click", async () => {
  try {
    await milepost.cancel(current.id);
  } catch (error) {
    say(error.message);
  }
});

function show(job) {
  part("job").hidden = false;
  part("bar").value = job.progress;
  part("cancel").hidden = isTerminal(job.status);
  say(job.message ?? job.status);
}

function say(text) {
  part("job").hidden = false;
  part("said").textContent = text;
}

function showResult(markdown) {
  part("result").hidden = false;
  part("markdown").textContent = markdown;
}
