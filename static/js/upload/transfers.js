// What is seen and heard of the queue: a line for each file, a bar for all, and milestones for screen readers.

const MOST_LINES = 200;
const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"];
const LABELS = { waiting: "Waiting", sending: "Sending", done: "Uploaded", failed: "Failed", cancelled: "Cancelled" };

export class Transfers {
  #root;
  #queue;
  #lines = new Map(); // by task, in the order they are shown
  #dirty = new Set();
  #frame = 0;
  #quarter = 0;
  #wasBusy = false;

  constructor(root, queue) {
    this.#root = root;
    this.#queue = queue;
    queue.addEventListener("change", (event) => {
      this.#dirty.add(event.detail);
      this.#frame ||= requestAnimationFrame(() => this.#draw());
    });
  }

  #part(name) {
    return this.#root.querySelector(`[data-${name}]`);
  }

  #draw() {
    this.#frame = 0;
    for (const task of this.#dirty) this.#drawLine(task);
    this.#dirty.clear();
    this.#drawTotal();
    this.#speak();
  }

  #drawLine(task) {
    const line = this.#lines.get(task) ?? this.#newLine(task);
    if (!line) return;
    const bar = line.querySelector("progress");
    const isOpen = task.state === "waiting" || task.state === "sending";
    line.dataset.state = task.state;
    bar.hidden = !isOpen;
    bar.value = task.size ? task.sent / task.size : 0;
    line.querySelector("[data-state-text]").textContent = stateText(task);
    line.querySelector("[data-cancel]").hidden = !isOpen;
    line.querySelector("[data-retry]").hidden = !task.file || (task.state !== "failed" && task.state !== "cancelled");
    const fault = line.querySelector("[data-fault]");
    fault.textContent = task.fault;
    fault.hidden = !task.fault;
  }

  // Thousands of files get no thousands of lines: those that wait are shown when they begin, in the place of one that is done.
  #newLine(task) {
    if (this.#lines.size >= MOST_LINES) {
      if (task.state === "waiting" || task.state === "cancelled") return null;
      const [old] = [...this.#lines].find(([other]) => other.state === "done" || other.state === "cancelled") ?? [];
      if (!old && task.state !== "failed") return null;
      this.#lines.get(old)?.remove();
      this.#lines.delete(old);
    }
    const line = document.getElementById("transfer").content.firstElementChild.cloneNode(true);
    const bar = line.querySelector("progress");
    line.querySelector("[data-path]").textContent = line.dataset.path = task.path;
    bar.setAttribute("aria-label", `Progress of ${task.path}`);
    for (const [name, act] of [["cancel", "Cancel"], ["retry", "Retry"]]) {
      const button = line.querySelector(`[data-${name}]`);
      button.setAttribute("aria-label", `${act} ${task.path}`);
      button.addEventListener("click", () => this.#queue[name](task));
    }
    this.#lines.set(task, line);
    this.#part("transfers").append(line);
    return line;
  }

  #drawTotal() {
    const { count, size, sent, isBusy, tasks } = this.#queue;
    const files = tasks.length - count.cancelled;
    const rest = [count.failed && `${count.failed} failed`, count.cancelled && `${count.cancelled} cancelled`];
    const text = `${count.done} of ${plural(files)}, ${inUnits(sent)} of ${inUnits(size)}`;
    this.#part("sending").hidden = false;
    this.#part("total-text").textContent = [text, ...rest.filter(Boolean)].join(" · ");
    this.#part("total").value = size ? sent / size : files ? count.done / files : 0;
    this.#part("cancel-all").hidden = !isBusy;
    this.#part("retry-all").hidden = !tasks.some((task) => task.state === "failed" && task.file);
    const unseen = tasks.length - this.#lines.size;
    this.#part("unseen").textContent = unseen ? `${plural(unseen)} more, not shown` : "";
  }

  #speak() {
    const { count, size, sent, isBusy, tasks } = this.#queue;
    const quarter = size ? Math.floor((4 * sent) / size) : 0;
    let text = "";
    if (isBusy && !this.#wasBusy) text = `Uploading ${plural(count.waiting + count.sending)}.`;
    else if (!isBusy && this.#wasBusy) {
      text = `${count.done} of ${plural(tasks.length)} uploaded`;
      text += count.failed ? `, ${count.failed} failed.` : ".";
    } else if (isBusy && quarter > this.#quarter) text = `${25 * quarter} percent.`;
    this.#quarter = isBusy ? quarter : 0;
    this.#wasBusy = isBusy;
    if (text) this.#part("live").textContent = text;
  }
}

function stateText(task) {
  if (task.state === "sending" && task.sent < task.size) return `${inUnits(task.sent)} of ${inUnits(task.size)}`;
  const label = LABELS[task.state];
  return task.state === "done" || task.state === "waiting" ? `${label} · ${inUnits(task.size)}` : label;
}

const plural = (count) => `${count} ${count === 1 ? "file" : "files"}`;

function inUnits(bytes) {
  const power = Math.min(Math.floor(Math.log2(Math.max(bytes, 1)) / 10), UNITS.length - 1);
  const value = bytes / 1024 ** power;
  return `${power === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${UNITS[power]}`;
}
