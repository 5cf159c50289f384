// The two ways that a file takes: words to our API, bytes to the store. Both are tried again where that is safe.

const ATTEMPTS = 3;
const PAUSE_MS = 1000;

// What was refused, with the server's own sentence.
export class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

// Answers what the API answers to this body.
export async function ask(url, body, signal) {
  let response;
  try {
    response = await fetch(url, { method: "POST", headers: headers(), body: JSON.stringify(body), signal });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Refused(0, "The server does not respond.");
  }
  const payload = await response.json().catch(() => ({}));
  if (!response.ok) throw new Refused(response.status, payload.detail || `The server refused it (status ${response.status}).`);
  return payload;
}

// Sends these bytes to a signed address and answers the store's ETag. Not fetch, which tells nothing of progress.
export function put(url, extra, blob, signal, progress) {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const request = new XMLHttpRequest();
    const stop = () => request.abort();
    signal.addEventListener("abort", stop, { once: true });
    request.upload.addEventListener("progress", (event) => progress(event.loaded));
    request.addEventListener("loadend", () => {
      signal.removeEventListener("abort", stop);
      if (signal.aborted) reject(signal.reason);
      else if (request.status === 200) resolve(request.getResponseHeader("ETag"));
      else reject(new Refused(request.status, whyNot(request.status)));
    });
    request.open("PUT", url);
    for (const [name, value] of Object.entries(extra)) request.setRequestHeader(name, value);
    request.send(blob);
  });
}

// Tries again what failed on the way, after a pause that grows. `isPassing(status)` says whether that may help.
export async function insist(act, signal, isPassing) {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await act(attempt);
    } catch (error) {
      if (signal.aborted || attempt === ATTEMPTS || !(error instanceof Refused) || !isPassing(error.status)) throw error;
      await pause(PAUSE_MS * attempt ** 2, signal);
    }
  }
}

export const mayPass = (status) => status === 0 || status === 429 || status >= 500;

// The store answers 403 to an address that has expired.
export const mayPassAnew = (status) => status === 403 || mayPass(status);

function whyNot(status) {
  if (status === 0) return "The connection to the object store broke off, or the file has changed on your disk.";
  return `The object store refused the bytes (status ${status}).`;
}

function headers() {
  return { "Content-Type": "application/json", ...JSON.parse(document.body.getAttribute("hx-headers")) };
}

function pause(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener("abort", () => (clearTimeout(timer), reject(signal.reason)), { once: true });
  });
}
