"""What holds on every page: no serious accessibility problem, whatever is on it nothing scrolls sideways
or is cut off, and there is little to load."""

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Browser, Page, StorageState

from harness import servers
from tests.browser.conftest import Person
from tests.browser.page_objects import accessibility_problems, misfits, wait_for_parts

# All pages are walked before the first test: on a busy machine that takes a while.
pytestmark = pytest.mark.timeout(1800)

WIDTHS = (320, 390, 768, 1024, 1440)
FIRST_VISIT = 60_000
# All of the API is on one page; all images of a key are what one comes for.
FIRST_VISITS = {"api-reference": 120_000, "run-media-key": 90_000}
# What a page has dozens or hundreds of, all made alike: axe, which takes long for them, looks at the first ones only.
ALIKE = "tr:nth-of-type(n+11), li:nth-of-type(n+11), .operation:nth-of-type(n+4)"


@dataclass
class Findings:
    """What was found on the way through all pages."""

    accessibility_problems: list[str] = field(default_factory=list)
    misfits: list[str] = field(default_factory=list)
    bytes_moved: dict[str, float] = field(default_factory=dict)
    complaints: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def tour(
    chromium: Browser,
    stack_with_data: servers.Stack,
    pages_by_user: dict[str | None, dict[str, str]],
    signed_in: Callable[[str], StorageState],
) -> Findings:
    """Each looks at their pages in all widths and both colour schemes."""
    findings = Findings()
    for user, pages in pages_by_user.items():
        state = signed_in(user) if user else None
        one = Person(chromium, stack_with_data.base_url, None, storage_state=state, reduced_motion="reduce")
        moved = _record_bytes(one.page)
        for name, url in pages.items():
            moved.clear()
            one.page.goto(url)
            wait_for_parts(one.page)
            findings.bytes_moved[name] = sum(moved)
            found = [(width, what) for width in WIDTHS for what in misfits(one.page, width)]
            findings.misfits += [f"{name} at {width}: {what}" for width, what in found]
            one.page.locator(ALIKE).evaluate_all("all => all.forEach(one => one.remove())")
            findings.accessibility_problems += [f"{name}: {problem}" for problem in accessibility_problems(one.page)]
        findings.complaints += one.complaints
        one.context.close()
    return findings


def test_axe_finds_nothing_serious(tour):
    assert tour.accessibility_problems == []


def test_all_fits_at_every_width(tour):
    assert tour.misfits == []


def test_a_first_visit_moves_less_than_60_kb(tour):
    limits = {name: FIRST_VISITS.get(name, FIRST_VISIT) for name in tour.bytes_moved}
    assert {name: moved for name, moved in tour.bytes_moved.items() if not 1_000 < moved < limits[name]} == {}


def test_the_browser_reports_no_problem(tour):
    assert tour.complaints == []


def _record_bytes(page: Page) -> list[float]:
    """The size on the wire of everything that the page loads from now on, each time anew."""
    moved: list[float] = []
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    session.send("Network.setCacheDisabled", {"cacheDisabled": True})
    session.on("Network.loadingFinished", lambda event: moved.append(event["encodedDataLength"]))
    return moved
