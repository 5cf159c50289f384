"""`make screenshots`: every page in two widths and two colour schemes, into var/screenshots."""

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
    only = re.compile(parser.parse_args().only)
    folder = servers.ROOT / "var" / "screenshots"
    folder.mkdir(parents=True, exist_ok=True)
    stack = servers.stack()
    stack.start()
    with tempfile.TemporaryDirectory() as data, sync_playwright() as playwright:
        seed_data.fill(stack, Path(data))
        stack.manage("shell", "--no-imports", "--command", "from harness import vision_data; vision_data.fill()")
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_OPTIONS)
        pages_of = _pages(browser, stack.base_url)
        for width in WIDTHS:
            for scheme in SCHEMES:
                options = {"viewport": {"width": width, "height": 900}, "color_scheme": scheme}
                for user, pages in pages_of.items():
                    person = Person(browser, stack.base_url, user, **options)
                    for name, page in pages.items():
                        if only.search(name):
                            _visit(person.page, page)
                            whole = isinstance(page, str)
                            person.page.screenshot(path=folder / f"{name}-{width}-{scheme}.png", full_page=whole)
                    person.context.close()
        browser.close()
    print(f"{len(list(folder.glob('*.png')))} pictures are in {folder.relative_to(servers.ROOT)}.")


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
        if url := page.locator("#result_list th a").first.get_attribute("href"):
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
