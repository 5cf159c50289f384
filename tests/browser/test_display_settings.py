"""What a reader chooses for the browser: theme and shortcuts, also in the admin; and targets that a finger can hit."""

import os
import subprocess
import sys

from playwright.sync_api import Page, expect

from tests.browser.page_objects import wait_for_parts
from tests.browser.urls import ARTIFACT, DATASET

# All that one presses, but for links in running text, and chips, each of which has its row on the tab Aliases.
_SMALL_TARGETS = """() => [...document.querySelectorAll("a[href], button, summary, input, select, textarea")]
  .filter((element) => element.checkVisibility({ visibilityProperty: true, contentVisibilityAuto: true })
    && !element.closest(".visually-hidden, .skip")
    && !element.matches(".badge") && getComputedStyle(element).display !== "inline")
  .map((element) => element.matches("[type=checkbox]") ? element.closest("label, .check") ?? element : element)
  .filter((element) => { const box = element.getBoundingClientRect(); return Math.min(box.width, box.height) < 43.5; })
  .map((element) => `${location.pathname}: ${element.outerHTML.slice(0, 120)}`)"""
_MAIN_PAGES = (
    "/",
    "/artifacts",
    "/acme/recommender",
    "/acme/recommender/runs",
    "/acme/recommender/webhooks",
    ARTIFACT,
    f"{ARTIFACT}/versions",
    f"{ARTIFACT}/aliases",
    f"{ARTIFACT}/aliases/production/move",
    f"{ARTIFACT}/compare?base=v5&head=v8",
    f"{DATASET}/v3",
    f"{DATASET}/v3/files/data/train.csv",
    f"{DATASET}/upload",
    "/inbox",
    "/profile",
    "/teams/acme",
    "/search?q=ra",
    "/api/v1/docs",
)


def ground(page: Page) -> str:
    return page.evaluate("getComputedStyle(document.body).backgroundColor")


def test_targets_are_large_enough_for_fingers(person):
    page = person("alice", viewport={"width": 390, "height": 844}, is_mobile=True, has_touch=True).page
    small = []
    for url in _MAIN_PAGES:
        page.goto(url)
        wait_for_parts(page)
        small += page.evaluate(_SMALL_TARGETS)
    assert small == []


def test_the_theme_holds_on_all_pages_and_in_the_admin(person, stack_with_data):
    make = "from accounts import users; users.create('omar', 'omar has a long password', is_superuser=True)"
    stack_with_data.manage("shell", "--no-imports", "--command", make)
    page = person("omar", color_scheme="light").page
    page.goto("/artifacts")
    light = ground(page)
    page.get_by_label("Menu of omar").click()
    page.get_by_role("button", name="Dark").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    assert page.url.endswith("/artifacts") and ground(page) != light
    page.goto("/api/v1/docs")
    assert ground(page) != light

    page.goto("/admin/")
    expect(page.locator("html")).to_have_class("dark")
    expect(page.get_by_role("heading", name="Storage by project")).to_be_visible()
    page.locator("#nav-sidebar").get_by_text("omar").click()
    page.get_by_role("button", name="Light").click()
    expect(page.locator("html")).to_have_class("light")
    assert page.url.endswith("/admin/")


def test_the_sheet_of_keys_turns_them_off_and_on(person):
    page = person("alice").page
    page.goto("/artifacts")
    sheet = page.locator("#keys")
    page.keyboard.press("?")
    expect(sheet).to_be_visible()
    page.keyboard.press("h")
    page.keyboard.press("?")
    expect(sheet).to_be_hidden()
    assert page.url.endswith("/artifacts")

    page.keyboard.press("?")
    sheet.get_by_role("button", name="Turn off").click()
    expect(page.locator("html")).to_have_attribute("data-shortcuts", "off")
    page.wait_for_load_state()
    for key in ("?", "/", "h"):
        page.keyboard.press(key)
    expect(sheet).to_be_hidden()
    assert page.url.endswith("/artifacts")
    expect(page.get_by_role("searchbox", name="Search artifacts")).not_to_be_focused()

    page.get_by_role("button", name="Keyboard shortcuts").click()
    sheet.get_by_role("button", name="Turn on").click()
    expect(page.locator("html")).to_have_attribute("data-shortcuts", "on")
    # The attribute comes with the page, and what listens to keys after it.
    page.wait_for_load_state()
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox", name="Search artifacts")).to_be_focused()


def test_the_python_of_the_api_reference_runs(person, stack_with_data):
    page = person(None).page
    page.goto("/api/v1/docs")
    source = page.locator("#python-function").inner_text()
    assert "export WANLLMDB_BASE_URL=" + stack_with_data.base_url in page.locator("#environment").inner_text()
    program = f'{source}\nprint(api("GET", "/api/v1/me")["username"])\n'
    environment = {"WANLLMDB_BASE_URL": stack_with_data.base_url, "WANLLMDB_API_KEY": stack_with_data.key("alice")}
    done = subprocess.run(
        [sys.executable, "-c", program], env=os.environ | environment, capture_output=True, text=True, timeout=300
    )
    assert (done.stdout, done.returncode) == ("alice\n", 0), done.stderr
