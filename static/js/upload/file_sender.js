// One file into the draft: an address of the API, the bytes to the store, the registration. Big files go in parts.
import { ask, insist, mayPass, mayPassAnew, put } from "./http.js";

const MIB = 2 ** 20;
const IN_ONE = 64 * MIB;
const LEAST_PART = 32 * MIB;
const MOST_PARTS = 1000;
const PARTS_AT_ONCE = 4;
// An address is renewed when it has less than this left.
const MARGIN_MS = 5 * 60_000;

// `begin()` resolves to the draft, `{id}`, which the first file begins.
export function sender(begin) {
  return async (task, signal, progress) => {
    const draft = await begin();
    signal.throwIfAborted();
    const files = `/api/v1/artifacts/versions/${draft.id}/files`;
    const parts = task.size > IN_ONE ? await sendParts(files, task, signal, progress) : await sendWhole(files, task, signal, progress);
    const body = { path: task.path, size: task.size, storage_key: task.begun.storage_key, ...typeOf(task), ...parts };
    await insist(() => ask(files, body, signal), signal, mayPass);
  };
}

async function sendWhole(files, task, signal, progress) {
  await insist(async () => {
    const { upload_url, headers } = await uploadPlan(files, task, signal);
    // A slice has no type: the store keeps none, and needs none.
    await put(upload_url, headers, task.file.slice(), signal, progress);
  }, signal, mayPassAnew);
  return {};
}

async function sendParts(files, task, outer, progress) {
  const stop = new AbortController();
  const signal = AbortSignal.any([outer, stop.signal]);
  let plan = await insist(() => uploadPlan(files, task, signal), signal, mayPass);
  const left = plan.parts.filter((part) => !part.etag);
  const etags = new Map(plan.parts.filter((part) => part.etag).map((part) => [part.number, part.etag]));
  const sent = new Map(plan.parts.map((part) => [part.number, part.etag ? part.size : 0]));
  const report = (number, bytes) => {
    sent.set(number, bytes);
    progress([...sent.values()].reduce((sum, size) => sum + size, 0));
  };
  const sendPart = (number) => insist(async (attempt) => {
    if (attempt > 1 || Date.now() > plan.until) plan = await uploadPlan(files, task, signal);
    const { url, headers, offset, size } = plan.parts[number - 1];
    report(number, 0);
    etags.set(number, await put(url, headers, task.file.slice(offset, offset + size), signal, (bytes) => report(number, bytes)));
    report(number, size);
  }, signal, mayPassAnew);
  const work = async () => {
    for (let part; (part = left.shift()); ) await sendPart(part.number);
  };
  try {
    await Promise.all(Array.from({ length: PARTS_AT_ONCE }, work));
  } catch (error) {
    stop.abort(); // the other parts of a file that failed
    throw error;
  }
  return { parts: [...etags].map(([number, etag]) => ({ number, etag })) };
}

// Addresses for the file: fresh ones for what was begun before, with what arrived of it.
async function uploadPlan(files, task, signal) {
  const again = task.begun ? { storage_key: task.begun.storage_key } : {};
  const parts = task.size > IN_ONE ? { part_size: partSize(task.size) } : {};
  const body = { path: task.path, size: task.size, ...typeOf(task), ...parts, ...again };
  const plan = await ask(`${files}/upload-url`, body, signal);
  task.begun = plan;
  return Object.assign(plan, { until: Date.now() + plan.expires_in * 1000 - MARGIN_MS });
}

const partSize = (size) => Math.max(LEAST_PART, Math.ceil(size / MOST_PARTS / MIB) * MIB);

// Left out where the browser knows none: the server then goes by the name.
const typeOf = (task) => (/^[\x20-\x7e]{1,255}$/.test(task.file.type) ? { mime_type: task.file.type } : {});
