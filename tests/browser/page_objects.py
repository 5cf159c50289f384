"""What the hands of the browser tests do again and again."""

import itertools
import os

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, expect

SERIOUS = ("serious", "critical")
_IS_WIDE = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
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


def fresh(word: str) -> str:
    """A name that nothing has yet."""
    return f"{word}-{os.getpid()}-{next(_numbers)}"


def dialog(page: Page) -> Locator:
    """The open one."""
    found = page.locator("dialog[open]")
    expect(found).to_be_visible()
    return found


def told(page: Page, sentence: str) -> None:
    expect(page.get_by_role("status").filter(has_text=sentence)).to_be_visible()


def drop(page: Page, files: dict[str, str]) -> None:
    """Let go of these above the page that uploads."""
    page.evaluate(_DROP, files)


def until_verified(page: Page, files: int) -> None:
    """The draft has so many files, and the workers have read them all."""
    expect(page.locator("#draft-files [data-integrity=verified]")).to_have_count(files, timeout=60_000)


def hard_to_use(page: Page) -> list[str]:
    """Everything once, and once more what depends on colours."""
    faults = []
    for scheme, rules in (("light", {}), ("dark", {"runOnly": ["color-contrast", "link-in-text-block"]})):
        page.emulate_media(color_scheme=scheme)
        found = Axe().run(page, options={"resultTypes": ["violations"], **rules}).response["violations"]
        faults += [f"{each['id']} in {scheme}: {_where(each)}" for each in found if each["impact"] in SERIOUS]
    return faults


def is_wide(page: Page, width: int) -> bool:
    page.set_viewport_size({"width": width, "height": 900})
    return page.evaluate(_IS_WIDE)


def _where(violation: dict) -> str:
    return ", ".join(str(node["target"][0]) for node in violation["nodes"][:3])
