// Short messages in the corner. The region is aria-live, so that screen readers hear them too.
const region = document.getElementById("toasts");

export function toast(text, kind = "info") {
  const box = document.createElement("div");
  box.className = `toast ${kind}`;
  box.textContent = text;
  const close = document.createElement("button");
  close.type = "button";
  close.setAttribute("aria-label", "Dismiss");
  close.textContent = "✕";
  close.addEventListener("click", () => box.remove());
  box.append(close);
  region.append(box);
  if (kind !== "error") setTimeout(() => box.remove(), 5000);
}

document.addEventListener("toast", (event) => toast(event.detail.text ?? event.detail.value, event.detail.kind));
document.addEventListener("click", (event) => event.target.closest(".toast button")?.parentElement.remove());
