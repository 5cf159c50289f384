// The tree of a hierarchy's records. The server sends lists of links, which work by themselves: here they become a tree
// that opens a level at a time, with the keys of the ARIA pattern for trees whose items are links.
const TYPING_PAUSE = 700;
let typed = "";
let lastTyped = 0;

const shown = (tree) => [...tree.querySelectorAll("a[role=treeitem]")].filter((item) => !item.closest("ul[hidden]"));
const toggleOf = (item) => item.parentElement.querySelector(":scope > .toggle");
const groupOf = (item) => item.parentElement.querySelector(":scope > ul");
const parentOf = (item) => item.closest("ul[role=group]")?.parentElement.querySelector(":scope > a[role=treeitem]");
const siblings = (item) => [...item.closest("ul").querySelectorAll(":scope > li > a[role=treeitem]")];
const isOpen = (item) => item.getAttribute("aria-expanded") === "true";

function prepare(tree) {
  tree.setAttribute("role", "tree");
  for (const list of tree.querySelectorAll("ul:not([role])")) list.setAttribute("role", "group");
  for (const row of tree.querySelectorAll("li:not([role])")) {
    row.setAttribute("role", "none");
    const item = row.querySelector(":scope > a:not(.toggle)");
    item.setAttribute("role", "treeitem");
    item.setAttribute("aria-level", level(item));
    item.tabIndex = -1;
    const toggle = toggleOf(item);
    if (!toggle) continue;
    toggle.tabIndex = -1;
    toggle.setAttribute("aria-hidden", "true");
    const group = groupOf(item);
    item.setAttribute("aria-owns", group.id);
    show(item, group.childElementCount > 0);
  }
  if (!tree.querySelector("a[tabindex='0']")) enter(shown(tree)[0]);
}

function level(item) {
  let depth = 1;
  for (let list = item.closest("ul"); list.matches("[role=group]"); list = list.parentElement.closest("ul")) depth += 1;
  return depth;
}

function show(item, isShown) {
  item.setAttribute("aria-expanded", isShown);
  groupOf(item).hidden = !isShown;
  // The one that can be tabbed to is in sight.
  const tree = item.closest("[role=tree]");
  const current = tree.querySelector("a[tabindex='0']");
  if (!isShown && current?.closest("ul[hidden]")) enter(item);
}

function open(item) {
  if (groupOf(item).childElementCount) show(item, true);
  else if (!item.hasAttribute("aria-busy")) {
    item.setAttribute("aria-busy", "true");
    htmx.trigger(toggleOf(item), "open");
  }
}

// Of all items one can be tabbed to.
function enter(item) {
  if (!item) return;
  const tree = item.closest("[role=tree]");
  for (const other of tree.querySelectorAll("a[tabindex='0']")) other.tabIndex = -1;
  item.tabIndex = 0;
}

function find(items, here, key) {
  const now = performance.now();
  typed = now - lastTyped < TYPING_PAUSE ? typed + key.toLowerCase() : key.toLowerCase();
  lastTyped = now;
  // One letter goes on to the next that begins so; more of them may still mean this one.
  const start = typed.length > 1 ? here : here + 1;
  return [...items.slice(start), ...items.slice(0, start)]
    .find((item) => (item.querySelector(".title") ?? item).textContent.trim().toLowerCase().startsWith(typed));
}

function press(event) {
  const item = event.target.closest("a[role=treeitem]");
  if (!item || event.ctrlKey || event.metaKey || event.altKey) return;
  const items = shown(event.currentTarget);
  const here = items.indexOf(item);
  const expandable = item.hasAttribute("aria-expanded");
  let next = null;
  switch (event.key) {
    case "ArrowDown": next = items[here + 1]; break;
    case "ArrowUp": next = items[here - 1]; break;
    case "Home": next = items[0]; break;
    case "End": next = items.at(-1); break;
    case "ArrowRight":
      if (expandable && isOpen(item)) next = items[here + 1];
      else if (expandable) open(item);
      break;
    case "ArrowLeft":
      if (expandable && isOpen(item)) show(item, false);
      else next = parentOf(item);
      break;
    case " ": item.click(); break;
    case "*": for (const one of siblings(item)) if (one.hasAttribute("aria-expanded")) open(one); break;
    default:
      if (!/^[\p{L}\p{N}]$/u.test(event.key)) return;
      next = find(items, here, event.key);
  }
  // Also not a key that the page has for something else.
  event.preventDefault();
  event.stopPropagation();
  next?.focus();
}

document.addEventListener("click", (event) => {
  const toggle = event.target.closest("[role=tree] .toggle");
  if (!toggle || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  const item = toggle.parentElement.querySelector(":scope > a[role=treeitem]");
  if (isOpen(item)) show(item, false);
  else open(item);
});
document.addEventListener("focusin", ({ target }) => {
  if (target.matches?.("a[role=treeitem]")) enter(target);
});

const trees = (root) => (root.matches?.("[data-tree]") ? [root] : [...root.querySelectorAll("[data-tree]")]);
function prepareAll(root) {
  for (const tree of trees(root)) {
    if (!tree.hasAttribute("role")) tree.addEventListener("keydown", press);
    prepare(tree);
  }
}
prepareAll(document);

let more = null;
document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  const row = detail.target.closest?.("[role=tree] li");
  // "Show more" gives way to the rows that it asked for.
  more = row && row === detail.target && row.contains(document.activeElement) ? row.previousElementSibling : null;
});
document.addEventListener("htmx:afterSwap", ({ detail }) => {
  const group = detail.target.closest?.("ul[role=group]") ?? null;
  const tree = document.querySelector("[data-tree]");
  if (tree) prepareAll(document);
  if (group && detail.target === group) {
    const item = group.parentElement.querySelector(":scope > a[role=treeitem]");
    item.removeAttribute("aria-busy");
    show(item, true);
  }
  more?.nextElementSibling?.querySelector("a[role=treeitem]")?.focus();
  more = null;
});
for (const name of ["htmx:responseError", "htmx:sendError"]) {
  document.addEventListener(name, ({ detail }) => {
    detail.elt.parentElement?.querySelector("[aria-busy]")?.removeAttribute("aria-busy");
  });
}
