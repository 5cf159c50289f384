"""What holds on every page: no serious fault of accessibility, no complaint of the browser, no sideways scrolling."""

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.browser.places import OUTSIDE, PLACES

SERIOUS = ("serious", "critical")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(person, scheme):
    alice = person("alice", color_scheme=scheme)
    visitor = person(None, color_scheme=scheme)
    faults = []
    for one, places in ((alice, PLACES), (visitor, OUTSIDE)):
        for name, place in places.items():
            one.page.goto(place)
            found = Axe().run(one.page).response["violations"]
            faults += [f"{name}: {each['id']} {_where(each)}" for each in found if each["impact"] in SERIOUS]
    assert faults == []


@pytest.mark.parametrize("width", [390, 768, 1440])
def test_no_page_scrolls_sideways(person, width):
    alice = person("alice", viewport={"width": width, "height": 900})
    wide = []
    for name, place in PLACES.items():
        alice.page.goto(place)
        if alice.page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"):
            wide.append(name)
    assert wide == []


def test_a_first_visit_moves_less_than_60_kb(person):
    heavy = {}
    for name, place in PLACES.items():
        visitor = person("alice")
        cdp = visitor.context.new_cdp_session(visitor.page)
        cdp.send("Network.enable")
        cdp.send("Network.setCacheDisabled", {"cacheDisabled": True})
        sizes: list[float] = []
        cdp.on("Network.loadingFinished", lambda event, sizes=sizes: sizes.append(event["encodedDataLength"]))
        visitor.page.goto(place)
        visitor.page.wait_for_load_state("networkidle")
        if sum(sizes) >= 60_000:
            heavy[name] = sum(sizes)
        visitor.context.close()
    assert heavy == {}


def _where(violation: dict) -> str:
    return ", ".join(node["target"][0] if isinstance(node["target"][0], str) else "?" for node in violation["nodes"][:3])
