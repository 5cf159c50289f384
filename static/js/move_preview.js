// The button of a form says what it does by now: the server tells in [data-plan], which changes as one chooses.
document.addEventListener("htmx:afterSwap", (event) => {
  const plan = event.detail.target?.querySelector?.("[data-plan]");
  const button = plan?.closest("form")?.querySelector("[data-deed-button]");
  if (!button) return;
  button.textContent = plan.dataset.deed;
  button.name = plan.dataset.act;
});
