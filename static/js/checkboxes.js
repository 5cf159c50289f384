// A button with data-ticks="2" works while exactly two boxes of its form are ticked, "2-10" while two to ten are; "1" is
// one or more.
// A box with data-tick-all="name" ticks all boxes of that name in its form.
function update(form) {
  const elements = [...form.elements];
  const count = elements.filter((box) => box.type === "checkbox" && box.name && box.checked).length;
  for (const button of elements.filter((element) => element.dataset.ticks)) {
    const [least, most = least === 1 ? Infinity : least] = button.dataset.ticks.split("-").map(Number);
    button.disabled = count < least || count > most;
  }
}

document.addEventListener("change", ({ target }) => {
  const form = target.form;
  if (!form || target.type !== "checkbox") return;
  const name = target.dataset.tickAll;
  if (name) for (const box of form.elements) if (box.name === name) box.checked = target.checked;
  update(form);
});

function prepare(root) {
  for (const box of root.querySelectorAll("[data-tick-all]")) box.hidden = false;
  for (const button of root.querySelectorAll("[data-ticks]")) update(button.form);
}

document.addEventListener("htmx:load", ({ target }) => {
  prepare(target);
  if (target.closest("form")) update(target.closest("form"));
});

// <input data-keep-choice> in a list stays checked when the list is fetched anew, as by a search.
let kept = [];
document.addEventListener("htmx:beforeSwap", ({ detail: { requestConfig, target } }) => {
  kept = requestConfig.verb === "get" ? [...target.querySelectorAll("[data-keep-choice]:checked")] : [];
});
document.addEventListener("htmx:afterSwap", () => {
  for (const input of document.querySelectorAll("[data-keep-choice]")) {
    if (kept.some(({ name, value }) => name === input.name && value === input.value)) input.checked = true;
  }
  kept = [];
});
