// <div data-live> asks the server every few seconds what is new on the page; not while nobody looks, or one fills in a form.
const isAway = () => document.hidden || document.querySelector("dialog[open]") !== null;

document.addEventListener("htmx:beforeRequest", (event) => {
  if (event.detail.elt.matches("[data-live]") && isAway()) event.preventDefault();
});

const wake = () => {
  const live = document.querySelector("[data-live]");
  if (live && !isAway()) htmx.trigger(live, "awake");
};
document.addEventListener("visibilitychange", wake);
document.getElementById("modal")?.addEventListener("close", wake);

// What the page is about was deleted or renamed, or is not for this reader any more: there is nothing to wait for.
document.addEventListener("htmx:responseError", (event) => {
  const { elt, xhr } = event.detail;
  if (elt.matches("[data-live]") && (xhr.status === 403 || xhr.status === 404)) elt.remove();
});
