"""A real Chromium at the live stack, with everything that it complains of."""

import json
import re
import urllib.request
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, StorageState, expect, sync_playwright

from harness import servers
from tests.browser import seed_data
from tests.browser.alias_page_objects import SeededArtifact, log_version
from tests.browser.page_objects import unique_name
from tests.browser.urls import pages_by_user as find_pages_by_user

CHROMIUM = "/usr/bin/chromium"
# The machine's network is none of the tests' business, and Chromium likes to phone home.
CHROMIUM_OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# The machine may have much else to do.
expect.set_options(timeout=30_000)
_REPORT_CSP_VIOLATIONS = """
document.addEventListener("securitypolicyviolation", (event) =>
  console.error(`CSP refused ${event.violatedDirective} from ${event.blockedURI}`));
"""


class Person:
    """Somebody signed in, in a browser of their own. `complaints` is what console and policy said."""

    def __init__(self, browser: Browser, base_url: str, name: str | None, **options: object) -> None:
        self.context: BrowserContext = browser.new_context(base_url=base_url, **options)
        self.context.add_init_script(_REPORT_CSP_VIOLATIONS)
        self.context.set_default_timeout(30_000)
        self.page: Page = self.context.new_page()
        self.base_url = base_url
        self.complaints: list[str] = []
        self.page.on("console", lambda message: self._record(message.type, message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("dialog", lambda dialog: (self.complaints.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        if name:
            self.sign_in(name, f"{name} has a long password")

    def sign_in(self, name: str, password: str) -> None:
        self.page.goto("/login")
        self.page.fill("[name=username]", name)
        self.page.fill("[name=password]", password)
        self.page.press("[name=password]", "Enter")
        self.page.wait_for_url(f"{self.base_url}/")

    def _record(self, kind: str, text: str) -> None:
        # No fault is a page of ours with status 404, a form that the server refused, a request that was under way when
        # its page was left, or what the HTML of a run, in its frame, may not run or load.
        usual = "status of 4|Response Status Error Code 4|htmx:(afterRequest|sendAbort|sendError), "
        usual += "|(Blocked script execution in|Loading the image) '[^']*/frame/"
        if kind in ("error", "warning") and not re.search(usual, text):
            self.complaints.append(text)


# Of the package, not the session: while Playwright runs, its event loop does, and Django's models refuse to be asked.
@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_OPTIONS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def stack_with_data(tmp_path_factory: pytest.TempPathFactory) -> servers.Stack:
    """A live stack with a week of work in it, and nothing that tests elsewhere made."""
    stack = servers.Stack("browser")
    stack.start()
    seed_data.fill(stack, tmp_path_factory.mktemp("browser"))
    return stack


@pytest.fixture(scope="package")
def pages_by_user(
    signed_in: Callable[[str], StorageState], chromium: Browser, stack_with_data: servers.Stack
) -> dict[str | None, dict[str, str]]:
    """Every page by name, for each of those who are to look at it; for a visitor under None."""
    alice = Person(chromium, stack_with_data.base_url, None, storage_state=signed_in("alice"))
    pages = find_pages_by_user(alice.page)
    alice.context.close()
    return pages


@pytest.fixture(scope="package")
def signed_in(chromium: Browser, stack_with_data: servers.Stack) -> Callable[[str], StorageState]:
    """The cookies of a user, who types the password once."""

    @cache
    def cookies(name: str) -> StorageState:
        person = Person(chromium, stack_with_data.base_url, name)
        state = person.context.storage_state()
        person.context.close()
        return state

    return cookies


@pytest.fixture
def person(
    chromium: Browser, stack_with_data: servers.Stack, signed_in: Callable[[str], StorageState]
) -> Iterator[Callable[..., Person]]:
    """`person("bob")` is a new browser window of bob, `person(None)` of a visitor. None may have complained."""
    people: list[Person] = []

    def enter(name: str | None = "alice", **options: object) -> Person:
        state = {"storage_state": signed_in(name)} if name else {}
        people.append(Person(chromium, stack_with_data.base_url, None, **state, **options))
        return people[-1]

    yield enter
    complaints = [complaint for item in people for complaint in item.complaints]
    for item in people:
        item.context.close()
    assert complaints == []


@pytest.fixture
def call_api(stack_with_data: servers.Stack) -> Callable[..., Any]:
    """`ask("POST", "/runs", {…})`: a request of alice's scripts to the API, meanwhile."""

    def call(method: str, path: str, body: dict[str, object] | None = None) -> Any:
        request = urllib.request.Request(
            f"{stack_with_data.base_url}/api/v1{path}",
            method=method,
            data=json.dumps(body or {}).encode(),
            headers={"Authorization": f"Bearer {stack_with_data.key('alice')}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=60) as response:
            return json.load(response)

    return call


@pytest.fixture
def make(call_api) -> Callable[..., SeededArtifact]:
    """`make(3, production=1)`: an artifact with three versions, and production at the first."""

    def artifact(count: int, rule: dict[str, object] | None = None, **aliases: int) -> SeededArtifact:
        name = unique_name("thing")
        body = {"project": "acme/recommender", "name": name, "type": "model", "auto_latest": False}
        made = call_api("POST", "/artifacts", body)
        versions = [log_version(call_api, made["id"], f"version {number}".encode()) for number in range(count)]
        artifact = SeededArtifact(made["id"], name, f"/acme/recommender/artifacts/model/{name}", versions, call_api)
        for alias, number in aliases.items():
            artifact.move(alias, number)
        if rule:
            call_api("POST", "/alias-rules", {"artifact": made["id"]} | rule)
        return artifact

    return artifact
