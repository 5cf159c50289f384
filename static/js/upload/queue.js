// The files of one page and the state of each: waiting → sending → done, failed or cancelled. Knows no DOM and no HTTP.

export class Queue extends EventTarget {
  #send;
  #width;
  #waiting = [];
  tasks = [];
  count = { waiting: 0, sending: 0, done: 0, failed: 0, cancelled: 0 };
  // Of all that was not cancelled: bytes to send, and bytes sent.
  size = 0;
  sent = 0;

  // `send(task, signal, progress)` resolves once the file is in the draft, and calls `progress(bytes)` on the way.
  constructor(send, width) {
    super();
    this.#send = send;
    this.#width = width;
  }

  get isBusy() {
    return this.count.waiting + this.count.sending > 0;
  }

  add({ path, file, fault }) {
    const task = { path, file, size: file?.size ?? 0, sent: 0, fault: "", state: "waiting", begun: null };
    this.tasks.push(task);
    this.count.waiting += 1;
    this.size += task.size;
    if (fault) {
      this.#turn(task, "failed", fault);
      return task;
    }
    this.#waiting.push(task);
    this.#changed(task);
    this.#fill();
    return task;
  }

  cancel(task) {
    if (task.state !== "waiting" && task.state !== "sending") return;
    this.#note(task, 0);
    this.size -= task.size;
    this.#turn(task, "cancelled");
    task.abort?.abort();
    this.#fill();
  }

  // Begins anew what failed or was cancelled; `task.begun` lets the sender go on where it was.
  retry(task) {
    if (!task.file || (task.state !== "failed" && task.state !== "cancelled")) return;
    if (task.state === "cancelled") this.size += task.size;
    this.#waiting.push(task);
    this.#turn(task, "waiting");
    this.#fill();
  }

  #fill() {
    while (this.count.sending < this.#width && this.#waiting.length) {
      const task = this.#waiting.shift();
      if (task.state === "waiting") this.#run(task);
    }
  }

  async #run(task) {
    const abort = (task.abort = new AbortController());
    const isMine = () => task.abort === abort && task.state === "sending";
    this.#turn(task, "sending");
    try {
      await this.#send(task, abort.signal, (bytes) => isMine() && this.#note(task, bytes));
      if (isMine()) {
        this.#note(task, task.size);
        this.#turn(task, "done");
      }
    } catch (error) {
      if (isMine()) {
        this.#note(task, 0);
        this.#turn(task, "failed", error.message);
      }
    }
    this.#fill();
  }

  #note(task, bytes) {
    this.sent += bytes - task.sent;
    task.sent = bytes;
    this.#changed(task);
  }

  #turn(task, state, fault = "") {
    this.count[task.state] -= 1;
    this.count[state] += 1;
    task.state = state;
    task.fault = fault;
    this.#changed(task);
  }

  #changed(task) {
    this.dispatchEvent(new CustomEvent("change", { detail: task }));
  }
}
