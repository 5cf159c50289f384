"""`make screenshots`: every page in two widths and two colour schemes, into var/screenshots."""

import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from harness import servers
from tests.browser import seed_data
from tests.browser.conftest import CHROMIUM, CHROMIUM_OPTIONS, Person
from tests.browser.urls import all_pages, pages_by_user

WIDTHS = (1440, 390)
SCHEMES = ("light", "dark")


def main() -> None:
    folder = servers.ROOT / "var" / "screenshots"
    folder.mkdir(parents=True, exist_ok=True)
    stack = servers.stack()
    stack.start()
    with tempfile.TemporaryDirectory() as data, sync_playwright() as playwright:
        seed_data.fill(stack, Path(data))
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_OPTIONS)
        alice = Person(browser, stack.base_url, "alice")
        pages_of = pages_by_user(alice.page)
        pages_of["alice"] |= {f"{name}-usual": url for name, url in all_pages(alice.page).items()}
        for width in WIDTHS:
            for scheme in SCHEMES:
                options = {"viewport": {"width": width, "height": 900}, "color_scheme": scheme}
                for name, pages in pages_of.items():
                    person = Person(browser, stack.base_url, name, **options)
                    for page, url in pages.items():
                        person.page.goto(url)
                        person.page.wait_for_load_state("networkidle")
                        person.page.screenshot(path=folder / f"{page}-{width}-{scheme}.png", full_page=True)
                    person.context.close()
        browser.close()
    print(f"{len(list(folder.glob('*.png')))} pictures are in {folder.relative_to(servers.ROOT)}.")


if __name__ == "__main__":
    main()
