"""Steps and parts of pages that the browser tests share."""

import itertools
import os

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Locator, Page, expect

SERIOUS = ("serious", "critical")
# What does not fit at the width that the window has: the page itself, a text that leaves its box or is cut off without
# an ellipsis and a title, and one of which a line holds but a letter or two.
_MISFITS = """
() => {
  const found = new Set();
  const name = (element) => {
    const classes = [...element.classList].map((name) => `.${name}`).join("");
    return element.localName + (element.id ? `#${element.id}` : "") + classes;
  };
  const path = (element) => [element.parentElement?.parentElement, element.parentElement, element]
    .filter((one) => one && one !== document.documentElement).map(name).join(" > ");
  const root = document.scrollingElement;
  if (root.scrollWidth > root.clientWidth) found.add("the page");
  const clip = (element) => {
    for (let one = element; one && one !== document.body; one = one.parentElement) {
      const style = getComputedStyle(one);
      if (style.display === "inline") continue;
      if (style.clipPath !== "none") return null;
      if (style.overflowX !== "visible" || one.clientWidth) return [one, style];
    }
    return null;
  };
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const range = document.createRange();
  while (texts.nextNode()) {
    const text = texts.currentNode;
    const element = text.parentElement;
    const long = text.data.trim();
    if (!long || element.closest("script, style, noscript, select, textarea, svg, #toasts")) continue;
    if (!element.checkVisibility({ visibilityProperty: true })) continue;
    range.selectNodeContents(text);
    const box = range.getBoundingClientRect();
    if (!box.width) continue;
    const [block, style] = clip(element) ?? [];
    if (!block) continue;
    const edge = block.getBoundingClientRect();
    if (style.overflowX === "visible" ? box.right > edge.right + 1 || box.left < edge.left - 1 : false)
      found.add(`out of its box: ${path(block)}`);
    if (["hidden", "clip"].includes(style.overflowX) && block.scrollWidth > block.clientWidth + 1
        && !(style.textOverflow === "ellipsis" && block.closest("[title]")))
      found.add(`cut: ${path(block)}`);
    if (long.length > 8 && box.width < 24 && box.height > 3 * parseFloat(style.fontSize))
      found.add(`a letter a line: ${path(block)}`);
  }
  return [...found];
}
"""
# The findings of axe: the rule, how bad it is, and the first elements.
_AXE = """
async (rules) => {
  const options = { resultTypes: ["violations"], ...(rules.length ? { runOnly: rules } : {}) };
  const { violations } = await axe.run(document, options);
  return violations.map(({ id, impact, nodes }) =>
    ({ id, impact, targets: nodes.slice(0, 3).map((node) => String(node.target[0])) }));
}
"""
_numbers = itertools.count(1)
# A real DataTransfer; only a folder cannot be put into it by script.
_DROP = """
(files) => {
  const transfer = new DataTransfer();
  for (const [name, text] of Object.entries(files)) transfer.items.add(new File([text], name));
  const event = new DragEvent("drop", { dataTransfer: transfer, bubbles: true, cancelable: true });
  document.querySelector("[data-drop]").dispatchEvent(event);
}
"""


def unique_name(prefix: str) -> str:
    """A name that nothing has yet."""
    return f"{prefix}-{os.getpid()}-{next(_numbers)}"


def dialog(page: Page) -> Locator:
    """The one that is open."""
    locator = page.locator("dialog[open]")
    expect(locator).to_be_visible()
    return locator


def choose(page: Page, name: str) -> None:
    """Follow a link of the menu of further actions."""
    page.get_by_label("More actions").click()
    page.get_by_role("link", name=name).click()


def expect_toast(page: Page, message: str) -> None:
    expect(page.get_by_role("status").filter(has_text=message)).to_be_visible()


def drop(page: Page, files: dict[str, str]) -> None:
    """Drop these files on the page that uploads."""
    page.evaluate(_DROP, files)


def wait_until_verified(page: Page, files: int) -> None:
    """The draft has so many files, and the workers have read them all."""
    expect(page.locator("#draft-files [data-integrity=verified]")).to_have_count(files, timeout=60_000)


def wait_for_parts(page: Page) -> None:
    """What the page asks for once it is loaded has arrived. An idle network would be known half a second later only."""
    expect(page.locator(".htmx-request")).to_have_count(0)


def accessibility_problems(page: Page) -> list[str]:
    """Serious findings of axe: of everything once, and once more of what depends on colours."""
    problems = []
    page.evaluate(AXE_SCRIPT)
    for scheme, rules in (("light", []), ("dark", ["color-contrast", "link-in-text-block"])):
        page.emulate_media(color_scheme=scheme)
        problems += [
            f"{violation['id']} in {scheme}: {', '.join(violation['targets'])}"
            for violation in page.evaluate(_AXE, rules)
            if violation["impact"] in SERIOUS
        ]
    return problems


def misfits(page: Page, width: int) -> list[str]:
    """What scrolls sideways, is cut or leaves its box in a window so wide."""
    page.set_viewport_size({"width": width, "height": 900})
    return page.evaluate(_MISFITS)
