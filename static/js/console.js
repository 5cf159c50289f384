// The console shows its end and stays there while lines come; who scrolled up stays where they are, also when earlier
// lines come in above.
const box = document.getElementById("console");
const isAtEnd = () => box.scrollHeight - box.scrollTop - box.clientHeight < 24;
let before = null;

if (box?.matches("[data-at-end]") && !location.hash) box.scrollTop = box.scrollHeight;

box?.addEventListener("htmx:beforeSwap", (event) => {
  before = { isAtEnd: isAtEnd(), isAbove: event.target.matches(".earlier"), height: box.scrollHeight, top: box.scrollTop };
});
box?.addEventListener("htmx:afterSettle", () => {
  if (!before) return;
  const { isAbove, height, top } = before;
  if (isAbove) box.scrollTop = top + box.scrollHeight - height;
  else box.scrollTop = before.isAtEnd ? box.scrollHeight : top;
  before = null;
});

// Nobody looks: nothing is asked.
document.addEventListener("htmx:beforeRequest", (event) => {
  if (event.detail.elt.id === "newest-lines" && document.hidden) event.preventDefault();
});
