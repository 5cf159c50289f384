// The hits under the search field: arrows walk them, Escape puts them away, as does going elsewhere.
const field = document.querySelector("[data-search]");
const hits = document.getElementById("hits");
const links = () => [...hits.querySelectorAll("a")];

field?.form.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && hits.hasChildNodes()) {
    event.preventDefault();
    hits.replaceChildren();
    field.focus();
  }
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step || !hits.hasChildNodes()) return;
  event.preventDefault();
  const all = [field, ...links()];
  const here = Math.max(all.indexOf(document.activeElement), 0);
  all[(here + step + all.length) % all.length].focus();
});

for (const name of ["click", "focusin"]) {
  document.addEventListener(name, (event) => {
    if (field && !field.form.contains(event.target)) hits.replaceChildren();
  });
}

// An answer that comes when the field was left, or emptied, is too late.
hits?.addEventListener("htmx:beforeSwap", (event) => {
  if (!field.form.contains(document.activeElement) || !field.value.trim()) {
    event.detail.shouldSwap = false;
    hits.replaceChildren();
  }
});
