// The button of a form says what it does by now: the server tells in [data-move-preview], which changes as one chooses.
document.addEventListener("htmx:afterSwap", (event) => {
  const plan = event.detail.target?.querySelector?.("[data-move-preview]");
  const button = plan?.closest("form")?.querySelector("[data-submit-button]");
  if (!button) return;
  button.textContent = plan.dataset.submitLabel;
  button.name = plan.dataset.submitName;
});
