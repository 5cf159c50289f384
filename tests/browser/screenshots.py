"""`make screenshots`: every page in two widths and two colour schemes, into var/screenshots."""

import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from harness import servers
from tests.browser import seed_data
from tests.browser.conftest import CHROMIUM, QUIET, Person
from tests.browser.urls import BARRED, everywhere, outside

WIDTHS = (1440, 390)
SCHEMES = ("light", "dark")


def main() -> None:
    folder = servers.ROOT / "var" / "screenshots"
    folder.mkdir(parents=True, exist_ok=True)
    stack = servers.stack()
    stack.start()
    with tempfile.TemporaryDirectory() as data, sync_playwright() as playwright:
        seed_data.fill(stack, Path(data))
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        alice = Person(browser, stack.base_url, "alice")
        seen = {"alice": everywhere(alice.page), "vera": BARRED, None: outside(alice.page)}
        for width in WIDTHS:
            for scheme in SCHEMES:
                options = {"viewport": {"width": width, "height": 900}, "color_scheme": scheme}
                for name, places in seen.items():
                    person = Person(browser, stack.base_url, name, **options)
                    for place, address in places.items():
                        person.page.goto(address)
                        person.page.wait_for_load_state("networkidle")
                        person.page.screenshot(path=folder / f"{place}-{width}-{scheme}.png", full_page=True)
                    person.context.close()
        browser.close()
    print(f"{len(list(folder.glob('*.png')))} pictures are in {folder.relative_to(servers.ROOT)}.")


if __name__ == "__main__":
    main()
