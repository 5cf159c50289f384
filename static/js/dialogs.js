// A form that a link loads into #modal opens as a dialog; Escape and the focus trap are the element's own.
const modal = document.getElementById("modal");

document.addEventListener("htmx:afterSwap", (event) => {
  if (event.detail.target !== modal || !modal.hasChildNodes()) return;
  if (!modal.open) modal.showModal();
  const first = modal.querySelector("[autofocus], input:not([type=hidden]), select, textarea, button");
  first?.focus();
  if (first?.matches("input[list]")) first.select(); // its choices are those that fit what is in it
});

document.addEventListener("click", (event) => {
  if (event.target === modal) modal.close(); // the backdrop
  const dismiss = modal?.open && event.target.closest("#modal [data-dismiss]");
  if (!dismiss) return;
  event.preventDefault();
  modal.close();
});

modal?.addEventListener("close", () => modal.replaceChildren());
document.addEventListener("close-modal", () => {
  modal.close();
  // Where the dialog was opened may be gone by what was done in it: then the page's first act takes the focus.
  const settle = () => document.activeElement === document.body && document.querySelector("[data-home]")?.focus({ preventScroll: true });
  document.addEventListener("htmx:afterSettle", settle, { once: true });
});

// A menu closes when one clicks or tabs elsewhere, presses Escape, or chooses what opens a dialog. Arrows walk it.
const items = (menu) => [...menu.querySelectorAll("summary, a, button")];
for (const name of ["click", "focusin"]) {
  document.addEventListener(name, (event) => {
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      if (!menu.contains(event.target)) menu.open = false;
    }
  });
}
const shut = (menu) => {
  menu.open = false;
  menu.querySelector("summary").focus(); // where the focus returns once the dialog is closed, too
};
document.addEventListener("keydown", (event) => {
  const menu = event.key === "Escape" && document.querySelector("details.menu[open]");
  if (menu) shut(menu);
  const around = event.target.closest?.("details.menu");
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!around || !step) return;
  event.preventDefault();
  around.open = true;
  const all = items(around);
  all[(all.indexOf(event.target) + step + all.length) % all.length].focus();
});
document.addEventListener("click", (event) => {
  const chosen = event.target.closest("details.menu[open] [hx-target='#modal']");
  if (chosen) shut(chosen.closest("details.menu"));
});
