// Line charts: the values at the pointer, a range that is dragged over to zoom in, and no refresh where it would disturb.
const SVG = "http://www.w3.org/2000/svg";
const SIZE = 1000;
const known = new WeakMap();
let shown = null;
let drag = null;

const plotOf = (target) => target.closest?.(".line-chart .plot");
const numbers = (text) => text.split(" ").map((one) => (one === "-" ? NaN : Number(one)));

// The lines of a chart with their numbers, which are read once.
function linesOf(plot) {
  if (!known.has(plot)) {
    const paths = [...plot.querySelectorAll(".line:not(.faint)")];
    known.set(plot, paths.map((path) => ({ path, xs: numbers(path.dataset.xs), ys: numbers(path.dataset.ys) })));
  }
  return known.get(plot);
}

function xAt(plot, clientX) {
  const { left, width } = plot.getBoundingClientRect();
  const part = Math.min(Math.max((clientX - left) / width, 0), 1);
  const [low, high] = numbers(plot.dataset.x);
  return low + part * (high - low);
}

function nearest(xs, x) {
  let [from, to] = [0, xs.length - 1];
  while (to - from > 1) {
    const middle = (from + to) >> 1;
    if (xs[middle] <= x) from = middle;
    else to = middle;
  }
  return Math.abs(xs[to] - x) < Math.abs(xs[from] - x) ? to : from;
}

const UNITS = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];
function xText(x, unit) {
  if (unit === "time") return new Date(x * 1000).toISOString().slice(0, 19).replace("T", " ");
  if (unit === "number") return String(Number(x.toPrecision(10)));
  const [size, name] = UNITS.find(([one]) => x >= one) ?? UNITS[3];
  return `${Number((x / size).toPrecision(4))} ${name}`;
}

function element(parent, name, attributes = {}) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  parent.append(made);
  return made;
}

function hide() {
  shown?.readout.remove();
  shown?.cursor.remove();
  shown = null;
}

function show(plot, clientX) {
  const lines = linesOf(plot).filter(({ xs }) => xs.length);
  if (!lines.length) return;
  const x = xAt(plot, clientX);
  const at = lines.map((line) => ({ ...line, index: nearest(line.xs, x) }));
  const distance = ({ xs, index }) => Math.abs(xs[index] - x);
  const closest = at.reduce((best, one) => (distance(one) < distance(best) ? one : best));
  const exact = closest.xs[closest.index];
  if (shown?.plot !== plot) {
    hide();
    const readout = document.createElement("div");
    readout.className = "readout";
    plot.parentNode.append(readout);
    shown = { plot, readout, cursor: element(plot, "path", { class: "cursor" }) };
  }
  const [low, high] = numbers(plot.dataset.x);
  const part = (exact - low) / (high - low);
  shown.cursor.setAttribute("d", `M${Math.round(part * SIZE)} 0V${SIZE}`);
  const { readout } = shown;
  const heading = document.createElement("p");
  heading.textContent = xText(exact, plot.dataset.xUnit);
  const list = document.createElement("ul");
  for (const { path, xs, ys, index } of at) {
    // A line that ends before has no value here.
    if (Math.abs(xs[index] - exact) > (high - low) / 50) continue;
    const row = document.createElement("li");
    element(element(row, "svg", { width: 20, height: 8 }), "path", { class: path.getAttribute("class"), d: "M1 4h18" });
    const [label, value] = [document.createElement("span"), document.createElement("b")];
    label.className = "clamp";
    label.textContent = path.dataset.label;
    value.textContent = Number.isNaN(ys[index]) ? "–" : ys[index];
    row.append(label, value);
    list.append(row);
  }
  readout.replaceChildren(heading, list);
  const { left, width } = plot.getBoundingClientRect();
  const box = plot.parentNode.getBoundingClientRect();
  const pointer = left - box.left + part * width;
  const beside = pointer + 12 + readout.offsetWidth > box.width ? pointer - 12 - readout.offsetWidth : pointer + 12;
  readout.style.left = `${Math.max(0, beside)}px`;
}

document.addEventListener("pointermove", (event) => {
  const plot = drag?.plot ?? plotOf(event.target);
  if (!plot?.isConnected) return hide();
  show(plot, event.clientX);
  if (!drag) return;
  drag.x = event.clientX;
  const { left, width } = plot.getBoundingClientRect();
  const [from, to] = [drag.start, drag.x].sort((a, b) => a - b)
    .map((one) => Math.min(Math.max((one - left) / width, 0), 1) * SIZE);
  drag.range ??= element(plot, "rect", { class: "range", y: 0, height: SIZE });
  drag.range.setAttribute("x", from);
  drag.range.setAttribute("width", to - from);
});

document.addEventListener("pointerdown", (event) => {
  const plot = plotOf(event.target);
  if (!plot || event.button || event.pointerType !== "mouse") return;
  event.preventDefault();
  drag = { plot, start: event.clientX, x: event.clientX };
});
document.addEventListener("pointerup", () => {
  if (!drag) return;
  const { plot, start, x, range } = drag;
  drag = null;
  range?.remove();
  if (Math.abs(x - start) > 5 && plot.isConnected) zoom(plot, ...[start, x].sort((a, b) => a - b).map((at) => xAt(plot, at)));
});
document.addEventListener("dblclick", (event) => {
  const plot = plotOf(event.target);
  if (plot) zoom(plot);
});
document.addEventListener("click", ({ target }) => {
  const plot = target.closest?.("[data-zoom-out]")?.parentNode.querySelector(".plot");
  if (plot) zoom(plot);
});
document.addEventListener("pointercancel", () => {
  drag?.range?.remove();
  drag = null;
});

// A range of a chart is drawn by the server, which has more of its points than a small picture shows.
function zoom(plot, low, high) {
  hide();
  const text = (x) => (x === undefined ? "" : String(Number(x.toPrecision(12))));
  const form = plot.closest("[data-large-chart]") && document.querySelector(".chart-options");
  if (form) {
    form.elements.low.value = text(low);
    form.elements.high.value = text(high);
    form.requestSubmit();
    return;
  }
  const cell = plot.closest("[data-chart-url]");
  if (!cell) return;
  const url = new URL(cell.dataset.chartUrl, location.href);
  url.searchParams.set("part", "cell");
  for (const [name, value] of Object.entries({ low, high })) {
    if (value === undefined) url.searchParams.delete(name);
    else url.searchParams.set(name, text(value));
  }
  htmx.ajax("GET", url.pathname + url.search, { target: cell, swap: "outerHTML", source: cell });
}

// No refresh of charts that are not in sight, one of which is zoomed in, or under the pointer.
function isBusy(part) {
  const { top, bottom } = part.getBoundingClientRect();
  const isInSight = bottom > 0 && top < innerHeight;
  return !isInSight || part.querySelector("[data-zoomed], .readout") !== null;
}
document.addEventListener("htmx:beforeRequest", (event) => {
  const { elt } = event.detail;
  if (elt.matches("[data-live-charts]") && isBusy(elt)) event.preventDefault();
});

document.addEventListener("input", ({ target }) => {
  if (target.matches("[data-smoothing]")) target.nextElementSibling.textContent = `${target.value} %`;
});
