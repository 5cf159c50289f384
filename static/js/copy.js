// <button data-copy="text"> or <button data-copy-from="#id"> puts text on the clipboard and says so.
import { toast } from "./toasts.js";

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy], [data-copy-from]");
  if (!button) return;
  const source = button.dataset.copyFrom && document.querySelector(button.dataset.copyFrom);
  try {
    await navigator.clipboard.writeText(source ? source.textContent : button.dataset.copy);
    toast("Copied.");
  } catch {
    toast("Copying failed. Select the text instead.", "error");
  }
});
