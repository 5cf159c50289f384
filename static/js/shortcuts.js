// "/" goes to the search, "j" and "k" walk the rows of a list, "?" shows the keys. Never while one types, and not at
// all for who has turned them off: speech input and unsteady hands press single keys unasked (WCAG 2.1.4).
const typing = (element) => element.closest?.("input, textarea, select, [contenteditable]");
const rows = () => [...document.querySelectorAll("table.list tbody tr a[data-row]")];

function walk(step) {
  const links = rows();
  if (!links.length) return;
  const here = links.findIndex((link) => link.closest("tr").contains(document.activeElement));
  const next = here < 0 ? (step > 0 ? 0 : links.length - 1) : Math.min(Math.max(here + step, 0), links.length - 1);
  links[next].focus();
}

const keys = document.getElementById("keys");
const isOff = document.documentElement.dataset.shortcuts === "off";

if (!isOff) document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target) || document.querySelector("dialog[open]")) return;
  if (event.key === "?") keys?.togglePopover();
  else if (document.querySelector(":popover-open")) return;
  else if (event.key === "/") {
    event.preventDefault();
    document.querySelector("[data-search]")?.focus();
  } else if (event.key === "j") walk(1);
  else if (event.key === "k") walk(-1);
  else {
    const key = `[data-key="${CSS.escape(event.key)}"]`;
    // What the page itself can do comes before where the bar leads.
    const target = document.querySelector(`main ${key}`) ?? document.querySelector(key);
    if (target) {
      event.preventDefault();
      target.click();
    }
  }
});
