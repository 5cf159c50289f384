// The page that uploads: what was dropped goes into the queue, and what becomes of it is shown.
import { dropped, picked } from "./dropped_files.js";
import { Queue } from "./queue.js";
import { sender } from "./file_sender.js";
import { Transfers } from "./transfers.js";
import { ask } from "./http.js";

const AT_ONCE = 4;
const REFRESH_MS = 1000;

const root = document.querySelector("[data-upload]");
const part = (name) => root.querySelector(`[data-${name}]`);
let draft = root.dataset.version ? Promise.resolve({ id: root.dataset.version }) : null;

const queue = new Queue(sender(begin), AT_ONCE);
new Transfers(root, queue);
root.hidden = false;

// The draft that all files go into, begun by the first; what fails to begin is tried again by the next.
function begin() {
  draft ??= ask(`/api/v1/artifacts/${root.dataset.artifact}/versions`, { numbering: "on_finalize" }).then(
    (begun) => (named(begun.id), begun),
    (error) => {
      draft = null;
      throw error;
    },
  );
  return draft;
}

// References that were added begin one too.
document.addEventListener("draft-begun", ({ detail }) => {
  draft = Promise.resolve({ id: detail.value });
  named(detail.value);
});

function named(id) {
  const url = `${root.dataset.page}?version=${id}`;
  history.replaceState(null, "", url);
  root.dataset.version = id;
  document.querySelector("[data-draft]").hidden = false;
  document.querySelector("[data-drafts]")?.remove();
  for (const form of document.querySelectorAll("[data-of-draft]")) form.elements.version.value = id;
}

async function add(entries) {
  for await (const entry of entries) queue.add(entry);
}

const finalize = () => document.querySelector("[data-finalize]");

// The list of the draft's files, asked for at most once a second, and not while the answer to the last is awaited.
let isStale = false;
let isAsking = false;

async function refresh() {
  isStale = true;
  if (isAsking) return;
  isAsking = true;
  while (isStale) {
    isStale = false;
    const { after, sort } = document.getElementById("draft-files").dataset;
    const place = { ...(after && { after }), ...(sort && { sort }) };
    const query = new URLSearchParams({ version: root.dataset.version, ...place });
    await window.htmx.ajax("GET", `${root.dataset.files}?${query}`, { target: "#draft-files", swap: "outerHTML" });
    await new Promise((resolve) => setTimeout(resolve, REFRESH_MS));
  }
  isAsking = false;
}

// One finalizes what is there, and nothing while more is on its way.
function judge() {
  const form = finalize();
  if (!form) return;
  const isEmpty = document.getElementById("draft-files").dataset.count === "0";
  const { failed } = queue.count;
  const note = form.querySelector("[data-finalize-note]");
  form.querySelector("[type=submit]").disabled = queue.isBusy || isEmpty;
  note.toggleAttribute("data-failed", !queue.isBusy && failed > 0);
  if (queue.isBusy) note.textContent = "Files are still uploading.";
  else note.textContent = failed ? `${failed === 1 ? "A file" : `${failed} files`} failed and will not be in this version.` : "";
}

queue.addEventListener("change", (event) => {
  if (event.detail.state === "done") refresh();
});
queue.addEventListener("change", judge);
document.addEventListener("htmx:afterSettle", judge);

// The whole page takes what is dropped: a miss must not make the browser open the file instead.
for (const name of ["dragenter", "dragover"]) {
  document.addEventListener(name, (event) => {
    event.preventDefault();
    part("drop").classList.add("over");
  });
}
document.addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) part("drop").classList.remove("over");
});
document.addEventListener("drop", (event) => {
  event.preventDefault();
  part("drop").classList.remove("over");
  add(dropped(event.dataTransfer));
});
for (const name of ["pick-files", "pick-folder"]) {
  part(name).addEventListener("change", (event) => add(picked(event.target)));
}

part("cancel-all").addEventListener("click", () => queue.tasks.forEach((task) => queue.cancel(task)));
part("retry-all").addEventListener("click", () => {
  for (const task of queue.tasks) if (task.state === "failed") queue.retry(task);
});

window.addEventListener("beforeunload", (event) => {
  if (queue.isBusy) event.preventDefault();
});
