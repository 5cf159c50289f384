// What the server refuses is shown where it was asked: in the form's own line, or else as a toast.
import { toast } from "./toasts.js";

document.addEventListener("htmx:beforeSwap", (event) => {
  const { xhr, elt } = event.detail;
  if (xhr.status < 400 || elt.matches("[data-live]")) return;
  const message = xhr.getResponseHeader("X-Refusal");
  if (xhr.status === 422) { // the same form again, with what is wrong beside its fields
    event.detail.shouldSwap = true;
    event.detail.isError = false;
    return;
  }
  const line = elt.closest("form")?.querySelector(".refusal");
  const text = message ? decodeURIComponent(message) : "Something went wrong. Reload the page and try again.";
  if (line) line.textContent = text;
  else toast(text, "error");
});

document.addEventListener("htmx:sendError", (event) => {
  if (!event.detail.elt.matches("[data-live]")) toast("The server does not respond. Nothing was changed.", "error");
});
