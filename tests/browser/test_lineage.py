"""The picture of a lineage graph by mouse, by keyboard and without script, and the warning before something goes."""

import re
from functools import partial

from playwright.sync_api import Page, expect

from tests.browser import seed_data
from tests.browser.alias_page_objects import expect_same_page, log_version, mark_page
from tests.browser.page_objects import choose, dialog, unique_name
from tests.browser.urls import DATASET


def width(page: Page) -> float:
    return float(page.locator("[data-picture] svg").get_attribute("width"))


def scrolled(page: Page) -> list[float]:
    return page.locator("[data-picture]").evaluate("(box) => [box.scrollLeft, box.scrollTop]")


def test_a_visit_by_mouse_and_keyboard(person):
    page = person("alice", viewport={"width": 1024, "height": 700}).page
    page.goto(f"{DATASET}/v3")
    page.keyboard.press("6")
    page.wait_for_url("**/v3/lineage")
    mark_page(page)
    picture = page.get_by_role("region", name="Lineage of interactions:v3")
    expect(picture.locator("[aria-current=true]")).to_contain_text("interactions:v3")
    expect(picture.locator("title", has_text="used interactions:v3 as latest")).to_have_count(1)
    expect(page.locator(".outline")).to_be_hidden()

    before = width(page)
    page.keyboard.press("+")
    assert width(page) > before
    page.get_by_role("button", name="Zoom out").click()
    picture.hover()
    page.keyboard.down("Control")
    page.mouse.wheel(0, -400)
    page.keyboard.up("Control")
    page.wait_for_function(
        "(before) => document.querySelector('[data-picture] svg').width.baseVal.value > before", arg=before
    )
    at, box = scrolled(page), picture.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2 + 100, box["y"] + 60, steps=4)
    page.mouse.up()
    assert scrolled(page) != at
    page.keyboard.press("0")
    page.wait_for_function(
        "() => { const box = document.querySelector('[data-picture]'); return box.scrollWidth <= box.clientWidth }"
    )

    # What was folded opens where it is, and the focus goes on in it.
    downstream = page.get_by_role("link", name="Downstream", exact=True)
    downstream.click()
    expect(page).to_have_url(re.compile("direction=downstream"))
    expect(downstream).to_be_focused()
    expect(picture.get_by_role("link", name=re.compile("prepare-ratings"))).to_have_count(0)
    nodes = picture.locator("a.node:not(.fold)")
    count = nodes.count()
    fold = picture.get_by_role("link", name=re.compile("more versions"))
    fold.focus()
    page.keyboard.press("Enter")
    expect(fold).to_have_count(0)
    assert nodes.count() > count
    expect(page).to_have_url(re.compile("open="))
    expect(picture.locator("a.node:focus")).to_have_count(1)
    picture.locator("a.node:focus").hover()
    expect(picture.locator(".link.on")).not_to_have_count(0)

    # Cut off by the depth, and asked for.
    page.get_by_label("Depth").select_option("1")
    expect(page).to_have_url(re.compile("depth=1"))
    picture.locator(".handle").first.click()
    expect(page).to_have_url(re.compile("from=downstream"))
    expect(picture.get_by_role("link", name=re.compile("^ranker:v6"))).to_be_visible()
    expect_same_page(page)
    picture.get_by_role("link", name=re.compile("train-ranker")).click()
    page.wait_for_url(re.compile("/runs/[^/]*$"))


def test_narrow_windows_and_browsers_without_script_have_all_of_it(person):
    page = person("vera", viewport={"width": 390, "height": 800}).page
    page.goto(f"{DATASET}/v3/lineage?depth=1")
    expect(page.locator("[data-picture]")).to_be_hidden()
    row = page.locator(".outline li", has_text="train-ranker")
    expect(row).to_contain_text("Used by")
    row.get_by_role("link", name=re.compile("downstream")).click()
    expect(page.locator(".outline a:focus")).to_contain_text(":v")
    page.get_by_role("link", name="Picture").click()
    expect(page.locator("[data-picture]")).to_be_visible()

    plain = person("vera", java_script_enabled=False).page
    plain.goto(f"{DATASET}/v3/lineage")
    expect(plain.get_by_role("button", name="Zoom in")).to_have_count(0)
    plain.get_by_role("link", name=re.compile("more versions")).click()
    expect(plain.get_by_role("link", name=re.compile("more versions"))).to_have_count(0)
    plain.get_by_label("Depth").select_option("1")
    plain.get_by_role("button", name="Show").click()
    expect(plain).to_have_url(re.compile("open=.*depth=1|depth=1.*open="))
    plain.get_by_role("link", name="What would be affected").click()
    plain.get_by_label("Show").select_option("runs")
    expect(plain.get_by_role("heading", name="Impact")).to_be_visible()


def test_what_is_private_is_one_box_whatever_leads_to_it(person, call_api, stack_with_data):
    """A version of which two were derived, and a run of mallory's, which alice does not see, that used both."""
    project, name = unique_name("shared"), unique_name("base")
    call_api("POST", "/projects", {"name": project, "team": "acme", "visibility": "internal"})
    body = {"project": f"acme/{project}", "name": name, "type": "dataset"}
    artifact = call_api("POST", "/artifacts", body)["id"]
    base = log_version(call_api, artifact, b"base")
    derived = [log_version(call_api, artifact, content, derived_from=[base]) for content in (b"one", b"two")]
    hers = partial(seed_data.call_api, stack_with_data, "mallory", "POST")
    run = hers("/runs", {"project": unique_name("undisclosed"), "name": "copycat"})["id"]
    for version in derived:
        hers(f"/runs/{run}/use-artifact", {"version_id": version})

    page = person("alice").page
    page.goto(f"/acme/{project}/artifacts/dataset/{name}/v1/lineage?depth=1")
    picture = page.get_by_role("region", name=f"Lineage of {name}:v1")
    expect(picture.locator(".node.private")).to_have_count(0)
    expect(picture.locator(".handle")).to_have_count(2)
    picture.locator(".handle", has_text=f"{name}:v2").click()
    expect(picture.locator(".node.private")).to_have_count(1)
    expect(picture.locator(".link title", has_text="Private used")).to_have_count(2)
    expect(picture.locator(".handle")).to_have_count(0)
    assert "copycat" not in page.content() and "undisclosed" not in page.content()


def test_what_would_be_affected_is_said_before_it_goes(person):
    page = person("alice").page
    page.goto(f"{DATASET}/v3/lineage")
    impact = page.locator("#impact")
    expect(impact.get_by_role("row", name="ranker:v6")).to_contain_text("production")
    impact.get_by_label("Show").select_option("runs")
    impact.get_by_role("button", name="Filter").click()
    page.wait_for_url(re.compile("/impact.*show=runs"))
    expect(impact.get_by_role("row", name="ranker:v6")).to_have_count(0)
    expect(impact).to_contain_text("train-ranker")
    mark_page(page)
    impact.get_by_label("Show").select_option("protected")
    expect(page).to_have_url(re.compile("/impact.*show=protected"))
    expect(impact.get_by_role("row", name="ranker:v6")).to_be_visible()
    expect_same_page(page)
    page.reload()
    expect(impact.get_by_label("Show")).to_have_value("protected")
    page.go_back()
    expect(page).to_have_url(re.compile("/impact.*show=runs"))
    expect(impact.get_by_role("row", name="ranker:v6")).to_have_count(0)
    with page.expect_download() as downloading:
        impact.get_by_role("link", name="CSV").click()
    assert downloading.value.suggested_filename.endswith(".csv")
    page.goto(f"{DATASET}/v3")
    choose(page, "Delete version")
    warning = "Downstream of interactions:v3: 10 versions (1 with protected aliases) and 1 run"
    expect(dialog(page)).to_contain_text(warning)
    dialog(page).get_by_role("link", name="What would be affected").click()
    page.wait_for_url("**/impact")
