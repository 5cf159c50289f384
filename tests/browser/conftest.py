"""A real Chromium at the live stack, and an ear for everything it complains of."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests import servers
from tests.browser import shop

CHROMIUM = "/usr/bin/chromium"
# The machine's network is none of the tests' business, and Chromium likes to phone home.
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
_TELL_OF_CSP = """
document.addEventListener("securitypolicyviolation", (event) =>
  console.error(`CSP refused ${event.violatedDirective} from ${event.blockedURI}`));
"""


class Person:
    """Somebody signed in, in a browser of their own. `complaints` is what console and policy said."""

    def __init__(self, browser: Browser, base_url: str, name: str | None, **options: object) -> None:
        self.context: BrowserContext = browser.new_context(base_url=base_url, **options)
        self.context.add_init_script(_TELL_OF_CSP)
        self.context.set_default_timeout(10_000)
        self.page: Page = self.context.new_page()
        self.complaints: list[str] = []
        self.page.on("console", lambda message: self._hear(message.type, message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("dialog", lambda dialog: (self.complaints.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        if name:
            self.sign_in(name)

    def sign_in(self, name: str) -> None:
        self.page.goto("/login")
        self.page.fill("[name=username]", name)
        self.page.fill("[name=password]", f"{name} has a long password")
        self.page.press("[name=password]", "Enter")
        self.page.wait_for_url("**/")

    def _hear(self, kind: str, text: str) -> None:
        # A page of ours with status 404 is listed as a failed resource, too.
        if kind in ("error", "warning") and "status of 4" not in text:
            self.complaints.append(text)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def shop_stack(tmp_path_factory: pytest.TempPathFactory) -> servers.Stack:
    """The live stack with a week of work in it."""
    stack = servers.stack()
    stack.start()
    shop.fill(stack, tmp_path_factory.mktemp("shop"))
    return stack


@pytest.fixture
def person(chromium: Browser, shop_stack: servers.Stack) -> Iterator[Callable[..., Person]]:
    """`person("bob")` is a new browser window of bob, `person(None)` of a visitor. None may have complained at the end."""
    people: list[Person] = []

    def enter(name: str | None = "alice", **options: object) -> Person:
        people.append(Person(chromium, shop_stack.base_url, name, **options))
        return people[-1]

    yield enter
    complaints = [complaint for each in people for complaint in each.complaints]
    for each in people:
        each.context.close()
    assert complaints == []


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path
