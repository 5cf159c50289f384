// The picture of a lineage graph: dragging pans, Ctrl + wheel and the buttons zoom, what is next to a node stands out.
// Once more of the graph was asked for, what was in sight stays where it was, and the focus goes to what is new.
const lineage = () => document.getElementById("lineage");
const picture = () => document.querySelector("[data-picture]");
const shownLinks = () => [...lineage().querySelectorAll("a.node:not(.fold), .outline li > a:not([hx-get])")]
  .filter((link) => link.checkVisibility());
const href = (link) => link.getAttribute("href");
// What is a little larger than its box is made to fit in it.
const SMALLEST_TO_FIT = 0.65;
let scale = 1;

function resize(next, x = picture().clientWidth / 2, y = picture().clientHeight / 2) {
  const box = picture();
  const svg = box.querySelector("svg");
  const { width, height } = svg.viewBox.baseVal;
  next = Math.min(Math.max(next, 0.1), 3);
  const [left, top] = [box.scrollLeft + x, box.scrollTop + y].map((at) => (at / scale) * next);
  svg.setAttribute("width", width * next);
  svg.setAttribute("height", height * next);
  box.scrollTo(left - x, top - y);
  scale = next;
}

function fitting() {
  const { width, height } = picture().querySelector("svg").viewBox.baseVal;
  return Math.min(1, picture().clientWidth / width, picture().clientHeight / height);
}

function keepAt(node, left, top) {
  const now = node.getBoundingClientRect();
  picture().scrollBy(now.left - left, now.top - top);
}

function prepare() {
  if (!picture()) return;
  lineage().querySelector(".zoom").hidden = false;
  resize(scale, 0, 0);
  const box = picture().getBoundingClientRect();
  const root = picture().querySelector("[aria-current]");
  const { width, height } = root.getBoundingClientRect();
  keepAt(root, box.left + (box.width - width) / 2, box.top + (box.height - height) / 2);
}

document.addEventListener("click", ({ target }) => {
  const step = target.closest("[data-zoom]")?.dataset.zoom;
  if (step === "0") resize(scale === fitting() ? 1 : fitting());
  else if (step) resize(scale * 1.25 ** step);
});
document.addEventListener("wheel", (event) => {
  const box = event.ctrlKey && event.target.closest("[data-picture]");
  if (!box) return;
  event.preventDefault();
  const { left, top } = box.getBoundingClientRect();
  resize(scale * 0.998 ** event.deltaY, event.clientX - left, event.clientY - top);
}, { passive: false });

document.addEventListener("pointerdown", (event) => {
  const box = event.target.closest("[data-picture]");
  if (!box || event.button || event.pointerType !== "mouse" || event.target.closest("a")) return;
  const pan = ({ movementX, movementY }) => box.scrollBy(-movementX, -movementY);
  box.classList.add("dragged");
  document.addEventListener("pointermove", pan);
  document.addEventListener("pointerup", () => {
    box.classList.remove("dragged");
    document.removeEventListener("pointermove", pan);
  }, { once: true });
});

for (const name of ["pointerover", "focusin"]) {
  document.addEventListener(name, ({ target }) => {
    const svg = picture()?.querySelector("svg");
    if (!svg) return;
    const node = target.closest?.("[data-node]")?.dataset.node;
    const near = node ? svg.querySelectorAll(`[data-ends~="${node}"]`) : [];
    svg.classList.toggle("lit", near.length > 0);
    for (const link of svg.querySelectorAll(".link.on")) link.classList.remove("on");
    for (const link of near) link.classList.add("on");
  });
}

let before = null;
document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  if (detail.target.id !== "lineage" || detail.xhr.status !== 200) return;
  const asked = detail.requestConfig.elt;
  const root = picture()?.querySelector("[aria-current]");
  const anchor = asked.matches(".handle") ? asked.parentNode.querySelector(".node") : root;
  before = {
    isExpansion: asked.matches(".node, .handle, .outline a"),
    anchor: anchor?.id, at: anchor?.getBoundingClientRect(), urls: new Set(shownLinks().map(href)),
  };
});
document.addEventListener("htmx:afterSettle", () => {
  if (!before) return;
  const { isExpansion, anchor, at, urls } = before;
  before = null;
  prepare();
  if (!isExpansion) return;
  const kept = document.getElementById(anchor);
  if (kept?.checkVisibility()) keepAt(kept, at.left, at.top);
  const added = shownLinks().find((link) => !urls.has(href(link)));
  added?.focus({ preventScroll: true });
  added?.scrollIntoView({ block: "nearest", inline: "nearest" });
});
if (picture()?.clientWidth && fitting() > SMALLEST_TO_FIT) resize(fitting());
prepare();
