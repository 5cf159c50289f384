"""`make screenshots`: every page in two widths and two colour schemes, into var/screenshots; README's, if told so."""

import argparse
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from harness import servers
from tests.browser import seed_data
from tests.browser.conftest import CHROMIUM, CHROMIUM_OPTIONS, Person
from tests.browser.page_objects import wait_for_parts
from tests.browser.urls import ARTIFACT, DATASET, HIERARCHY, PAGES, RECORD, VISION, all_pages, pages_by_user

WIDTHS = (1440, 390)
SCHEMES = ("light", "dark")
MAX_HEIGHT = 8000
README = {
    "artifact": f"{ARTIFACT}/versions",
    "version": f"{DATASET}/v3",
    "compare": f"{ARTIFACT}/compare?base=v5&head=v8",
    "lineage": f"{DATASET}/v3/lineage",
}
FOLDER = servers.ROOT / "var" / "screenshots"
_LOAD_IMAGES = """
async () => {
  scrollTo(0, 0);
  const images = [...document.images];
  for (const image of images) image.loading = "eager";
  await Promise.allSettled(images.map((image) => image.decode()));
}
"""
# Who has nothing yet, and an operator: users of the screenshots alone.
EMPTY = {
    f"{name}-empty": PAGES[name] for name in ("home", "artifacts", "teams", "inbox", "watches", "profile", "search")
}
ERRORS = {
    "not-found-project": "/acme/nothing",
    "search-fault": "/search?q=metadata.x>y",
    "search-none": "/search?q=zzz",
}


@dataclass(frozen=True)
class Step:
    """Something that is opened on a page: by a click, a key or a text in a field. Then `shows` is there."""

    page: str
    click: str = ""
    shows: str = ""
    key: str = ""
    fill: tuple[str, str] | None = None


_DIALOG = "dialog[open] h1"
OPENED = {
    "open-user-menu": Step("/", "header details.menu > summary"),
    "open-shortcuts": Step("/", key="?"),
    "open-search-hits": Step("/", shows="#hits li", fill=("#site-search", "ra")),
    "open-syntax": Step("/artifacts", "[popovertarget=search-syntax]"),
    "open-project-new": Step("/", "a[href^='/projects/new']", _DIALOG),
    "open-display-settings": Step("/", "footer a", _DIALOG),
    "open-versions": Step(ARTIFACT, "details.switch > summary", "details.switch [aria-current]"),
    "open-compare": Step(ARTIFACT, "details.compare > summary"),
    "open-more": Step(f"{ARTIFACT}/v8", "details.more > summary"),
    "open-snippet": Step(ARTIFACT, ".snippet-tabs label:nth-of-type(3)"),
    "open-columns": Step(f"{ARTIFACT}/versions", ".table-options a:last-of-type", _DIALOG),
    "open-selection": Step(f"{ARTIFACT}/versions", "tbody tr:nth-child(2) .tick label"),
    "open-alias-add": Step(f"{ARTIFACT}/aliases", "a[href*='/add-alias']", _DIALOG),
    "open-alias-move": Step(f"{ARTIFACT}/aliases", f"a[href^='{ARTIFACT}/aliases/staging/move']", _DIALOG),
    "open-alias-rollback": Step(f"{ARTIFACT}/aliases", f"a[href^='{ARTIFACT}/aliases/latest/rollback']", _DIALOG),
    "open-rule-new": Step(f"{ARTIFACT}/aliases", "a[href*='/rules/new']", _DIALOG),
    "open-records": Step(HIERARCHY, ".records .toggle", ".records ul .node"),
    "open-record-menu": Step(RECORD, "main details.more > summary"),
    "open-hierarchy-new": Step("/acme/recommender/records", "a[href$='/new-hierarchy']", _DIALOG),
    "open-file-changes": Step(f"{ARTIFACT}/compare?base=v5&head=v8", "#changes summary", "[data-lines] > p"),
    "open-table-changes": Step(f"{DATASET}/compare?base=v1&head=v3", "#changes summary", "[data-lines] > p"),
    "open-invite": Step("/teams/acme", "a[href*='/invite']", _DIALOG),
    "open-key-new": Step("/profile", "a[href*='/keys/new']", _DIALOG),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="a regular expression that the names of pages match")
    parser.add_argument("--part", default="1/1", help="2/3: the second third of the pages, as another takes the others")
    parser.add_argument("--resume", action="store_true", help="keep the pictures that are there, take those missing")
    parser.add_argument("--readme", action="store_true", help="take README's pictures anew as well, into docs")
    options = parser.parse_args()
    only, (part, parts) = re.compile(options.only), map(int, options.part.split("/"))
    FOLDER.mkdir(parents=True, exist_ok=True)
    stack = servers.stack()
    stack.start()
    with tempfile.TemporaryDirectory() as data, sync_playwright() as playwright:
        seed_data.fill(stack, Path(data))
        stack.manage("shell", "--no-imports", "--command", "from harness import vision_data; vision_data.fill()")
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_OPTIONS)
        if options.readme:
            alice = Person(browser, stack.base_url, "alice", reduced_motion="reduce", color_scheme="light")
            alice.page.set_viewport_size({"width": 1180, "height": 640})
            for name, url in README.items():
                _visit(alice.page, url)
                alice.page.screenshot(path=servers.ROOT / "docs" / f"{name}.png")
            alice.context.close()
        for user, pages in _pages(browser, stack.base_url).items():
            names = [name for name in pages if only.search(name)][part - 1 :: parts]
            if options.resume:
                names = [name for name in names if not all(path.exists() for path in _pictures(name).values())]
            person = Person(browser, stack.base_url, user, reduced_motion="reduce")
            for name in names:
                _take(person.page, name, pages[name])
            person.context.close()
        browser.close()
    print(f"{len(list(FOLDER.glob('*.png')))} pictures are in {FOLDER.relative_to(servers.ROOT)}.")


def _take(page: Page, name: str, target: str | Step) -> None:
    """Colours of our own pages come from style sheets alone and follow the scheme at once. Only the admin's script asks
    for it, when it is loaded."""
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        for scheme in SCHEMES:
            page.emulate_media(color_scheme=scheme)
            if scheme == SCHEMES[0] or name.startswith("admin"):
                _visit(page, target)
            _screenshot(page, _pictures(name)[width, scheme], is_whole=isinstance(target, str))


def _screenshot(page: Page, path: Path, *, is_whole: bool) -> None:
    """What one sees, or the whole page, as far down as Chromium can draw at once: its head does not stay in sight, and
    pictures are there that are loaded when one gets to them."""
    if not is_whole:
        page.screenshot(path=path)
        return
    page.evaluate(_LOAD_IMAGES)
    size = page.viewport_size
    height = min(page.evaluate("document.documentElement.scrollHeight"), MAX_HEIGHT)
    page.screenshot(path=path, full_page=True, clip={"x": 0, "y": 0, "width": size["width"], "height": height})


def _pictures(name: str) -> dict[tuple[int, str], Path]:
    return {(width, scheme): FOLDER / f"{name}-{width}-{scheme}.png" for width in WIDTHS for scheme in SCHEMES}


def _pages(browser: Browser, base_url: str) -> dict[str | None, dict[str, str | Step]]:
    """What each user looks at, by the name of its picture."""
    alice, olga = (Person(browser, base_url, name) for name in ("alice", "olga"))
    pages: dict[str | None, dict[str, str | Step]] = {**pages_by_user(alice.page)}
    usual = {f"{name}-usual": url for name, url in all_pages(alice.page).items()}
    pages["alice"] |= usual | VISION | ERRORS | OPENED
    pages |= {"nora": EMPTY, "bob": {"inbox-editor": "/inbox", "aliases-editor": f"{ARTIFACT}/aliases"}}
    pages["olga"] = dict(_admin_pages(olga.page))
    for person in (alice, olga):
        person.context.close()
    return pages


def _admin_pages(page: Page) -> Iterator[tuple[str, str]]:
    """The first page of the admin, its lists, and the form of the first row of some."""
    page.goto("/admin/")
    yield "admin", "/admin/"
    links = page.locator("#nav-sidebar a[href^='/admin/']").evaluate_all("links => links.map(link => link.pathname)")
    for url in dict.fromkeys(links):
        yield "admin-" + "-".join(url.strip("/").split("/")[1:] or ["start"]), url
    for model in ("artifacts/artifactversion", "artifacts/artifactalias", "accounts/user"):
        page.goto(f"/admin/{model}/")
        if url := page.locator("#result_list a[href*='/change/']").first.get_attribute("href"):
            yield f"admin-{model.rpartition('/')[2]}-form", url


def _visit(page: Page, target: str | Step) -> None:
    step = Step(target) if isinstance(target, str) else target
    page.goto(step.page)
    wait_for_parts(page)
    if step.click:
        page.locator(step.click).first.click()
    if step.key:
        page.keyboard.press(step.key)
    if step.fill:
        page.fill(*step.fill)
    if step.shows:
        page.locator(step.shows).first.wait_for()


if __name__ == "__main__":
    main()
