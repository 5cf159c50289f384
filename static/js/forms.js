// <input pattern="…" data-fault="message"> says so as soon as what one types does not fit.
document.addEventListener("input", (event) => {
  const field = event.target;
  if (!field.matches?.("input[data-fault]")) return;
  const isWrong = field.validity.patternMismatch;
  const box = field.closest(".field");
  let line = box.querySelector("[data-live-fault]");
  if (!line) {
    line = document.createElement("span");
    line.className = "fault";
    line.id = `${field.id}_live`;
    line.dataset.liveFault = "";
    line.setAttribute("role", "alert");
    box.append(line);
  }
  field.setCustomValidity("");
  line.textContent = isWrong ? field.dataset.fault : "";
  field.toggleAttribute("aria-invalid", false);
  if (isWrong) {
    field.setCustomValidity(field.dataset.fault);
    field.setAttribute("aria-invalid", "true");
    field.setAttribute("aria-errormessage", line.id);
  }
});

// The button of a form says what it does by now: the server tells in [data-move-preview], which changes as one chooses.
document.addEventListener("htmx:afterSwap", (event) => {
  const plan = event.detail.target?.querySelector?.("[data-move-preview]");
  const button = plan?.closest("form")?.querySelector("[data-submit-button]");
  if (!button) return;
  button.textContent = plan.dataset.submitLabel;
  button.name = plan.dataset.submitName;
});
