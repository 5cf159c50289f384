"""The tree of a hierarchy by mouse and by keyboard, and the dialogs of a record."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from harness.record_names import EXPERIMENT, PREDICTION, TRAINING
from tests.browser.page_objects import choose, dialog, expect_toast, unique_name
from tests.browser.urls import HIERARCHY, RECORD, crowded_url

CROWDED = crowded_url(HIERARCHY)


def item(page: Page, record: str) -> Locator:
    return page.locator(f"[role=treeitem][href$='/{record}']")


@pytest.fixture
def tree(person) -> Page:
    page = person("alice").page
    page.goto(HIERARCHY)
    expect(page.get_by_role("tree")).to_be_visible()
    return page


def test_a_click_opens_a_level_and_closes_it(tree):
    toggle = tree.locator(".records > li").first.locator("> .toggle")
    expect(item(tree, TRAINING)).to_have_count(0)
    toggle.click()
    expect(item(tree, TRAINING)).to_be_visible()
    expect(item(tree, EXPERIMENT)).to_have_attribute("aria-expanded", "true")
    toggle.click()
    expect(item(tree, TRAINING)).to_be_hidden()
    expect(item(tree, EXPERIMENT)).to_have_attribute("aria-expanded", "false")


def test_keys_walk_the_tree_as_the_pattern_has_it(tree):
    keys = tree.keyboard
    item(tree, EXPERIMENT).focus()
    keys.press("ArrowRight")
    expect(item(tree, TRAINING)).to_be_visible()
    expect(item(tree, EXPERIMENT)).to_be_focused()
    keys.press("ArrowRight")
    expect(item(tree, TRAINING)).to_be_focused()
    expect(item(tree, TRAINING)).to_have_attribute("aria-level", "2")
    keys.press("ArrowRight")
    expect(item(tree, PREDICTION)).to_be_visible()
    keys.press("ArrowDown")
    expect(item(tree, PREDICTION)).to_be_focused()
    # A leaf opens nothing; left is its parent, and once more closes that.
    keys.press("ArrowRight")
    expect(item(tree, PREDICTION)).to_be_focused()
    keys.press("ArrowLeft")
    expect(item(tree, TRAINING)).to_be_focused()
    keys.press("ArrowLeft")
    expect(item(tree, PREDICTION)).to_be_hidden()
    keys.press("ArrowUp")
    expect(item(tree, EXPERIMENT)).to_be_focused()
    keys.press("End")
    expect(tree.locator("[role=treeitem]").last).to_be_focused()
    keys.press("Home")
    expect(item(tree, EXPERIMENT)).to_be_focused()
    # A letter goes to what begins so, not to what the site has it for.
    keys.press("m")
    expect(tree.get_by_role("treeitem", name="malaria_early_warning")).to_be_focused()
    expect(tree).to_have_url(re.compile(f"{HIERARCHY}$"))
    keys.press("Enter")
    expect(tree.get_by_role("heading", name="malaria_early_warning", level=1)).to_be_visible()


def test_one_item_can_be_tabbed_to(tree):
    tree.get_by_role("treeitem", name="malaria_early_warning").focus()
    expect(tree.locator("[role=tree] a[tabindex='0']")).to_have_count(1)
    tree.keyboard.press("Shift+Tab")
    tree.keyboard.press("Tab")
    expect(tree.get_by_role("treeitem", name="malaria_early_warning")).to_be_focused()
    tree.keyboard.press("*")
    expect(item(tree, TRAINING)).to_be_visible()


def test_more_of_a_level_is_shown_and_takes_the_focus(person):
    page = person("alice").page
    page.goto(CROWDED)
    page.locator(".records > li").first.locator("> .toggle").click()
    rows = page.locator(".records ul > li > .node:not(.more)")
    expect(rows).to_have_count(50)
    page.get_by_role("treeitem", name="Show 50 more").focus()
    page.keyboard.press("Enter")
    expect(rows).to_have_count(100)
    expect(rows.nth(50)).to_be_focused()


def test_without_script_the_tree_is_opened_by_links(person):
    page = person("alice", java_script_enabled=False).page
    page.goto(HIERARCHY)
    page.get_by_label("Open weather_forecast", exact=True).click()
    expect(page).to_have_url(re.compile(f"at={EXPERIMENT}$"))
    page.locator(f".records a.node[href$='/{TRAINING}']").click()
    expect(page).to_have_url(re.compile(f"{RECORD}$"))
    page.get_by_role("link", name="Show in tree").click()
    expect(page.locator(f".records a.node[href$='/{PREDICTION}']")).to_be_visible()
    page.goto(f"{RECORD}/move?q=malaria")
    expect(page.get_by_text("malaria_early_warning")).to_be_visible()


def test_a_record_is_written_moved_and_deleted(person):
    page = person("alice").page
    name = unique_name("hierarchy")
    page.goto("/acme/recommender/records")
    page.get_by_role("link", name="New hierarchy").click()
    dialog(page).get_by_label("Name", exact=True).fill(name)
    dialog(page).get_by_label("Levels", exact=True).fill("experiment\nmodel")
    dialog(page).get_by_role("button", name="Create").click()
    page.wait_for_url(f"**/records/{name}")
    for title in ("first", "second"):
        page.get_by_role("link", name="New record", exact=True).click()
        page.get_by_label("Data").fill('{"name": }')
        page.get_by_role("button", name="Create").click()
        expect(page.get_by_text("Line 1, column 10")).to_be_visible()
        page.get_by_label("Data").fill(f'{{"name": "{title}"}}')
        page.get_by_role("button", name="Create").click()
        expect(page.get_by_role("heading", name=title, level=1)).to_be_visible()
        page.goto(f"/acme/recommender/records/{name}")
    page.get_by_role("treeitem", name="second").click()
    choose(page, "Move record")
    dialog(page).get_by_label("first").check()
    with page.expect_response("**/move?q=first"):
        dialog(page).get_by_label("Find a new parent").fill("first")
    expect(dialog(page).get_by_label("first")).to_be_checked()
    dialog(page).get_by_role("button", name="Move").click()
    expect_toast(page, "second moved.")
    page.get_by_label("Path").get_by_role("link", name="first").click()
    expect(page.get_by_role("heading", name="first", level=1)).to_be_visible()
    choose(page, "Delete record")
    dialog(page).get_by_role("button", name="Delete").click()
    expect(dialog(page)).to_contain_text("has a record below it")
    dialog(page).get_by_label("Also delete everything below it").check()
    dialog(page).get_by_role("button", name="Delete").click()
    expect_toast(page, "first deleted.")
    expect(page.get_by_role("heading", name="No records yet")).to_be_visible()
