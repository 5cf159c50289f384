// What was chosen in a list stays chosen when the list is fetched anew, as by a search: <input data-keep-choice>.
let kept = [];

document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  const chosen = detail.requestConfig.verb === "get" ? detail.target.querySelectorAll("[data-keep-choice]:checked") : [];
  kept = [...chosen].map(({ name, value }) => ({ name, value }));
});

document.addEventListener("htmx:afterSwap", () => {
  for (const { name, value } of kept) {
    for (const input of document.querySelectorAll("[data-keep-choice]")) {
      if (input.name !== name || input.value !== value || input.checked) continue;
      input.checked = true;
      input.dispatchEvent(new Event("change", { bubbles: true }));
    }
  }
  kept = [];
});
