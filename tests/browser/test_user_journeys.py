"""What people come for: to find a thing, to see what is new in it, to look into it and to take it away."""

import hashlib
import io
import re
import zipfile
from pathlib import Path
from uuid import uuid4

import pytest
from playwright.sync_api import Download, Page, expect

from tests.browser import seed_data
from tests.browser.urls import ARTIFACT, DATASET, KINDS

FILES = seed_data.kinds()


def taken(download: Download) -> bytes:
    return Path(download.path()).read_bytes()


def test_from_sign_in_to_a_file_by_mouse(person):
    page = person(None).page
    page.goto("/")
    page.get_by_label("Username").fill("vera")
    page.get_by_label("Password").fill("vera has a long password")
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("link", name="Artifacts", exact=True).click()
    page.get_by_label("Alias").fill("production")
    page.get_by_label("Alias").press("Enter")
    expect(page.locator("#list tbody tr").filter(has_text="interactions")).to_have_count(0)
    page.get_by_role("link", name="ranker").click()
    page.get_by_role("link", name=re.compile("^Aliases")).click()
    page.get_by_role("row", name="production").get_by_role("link", name="v6").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("ranker:v6")
    page.locator("summary", has_text="Compare").click()
    page.get_by_role("link", name="With the previous version, v5").click()
    expect(page.locator("[data-counts]")).to_contain_text("3 changed")
    expect(page.locator("[data-key-change=changed]")).to_contain_text("rmse")
    page.get_by_role("link", name="v6", exact=True).first.click()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download notes.txt").click()
    assert taken(download.value) == b"attempt 5\n"
    assert download.value.suggested_filename == "notes.txt"


def test_from_the_list_to_the_file_by_keyboard(person):
    page = person("alice").page
    press = page.keyboard.press
    page.goto("/acme/recommender")
    press("2")
    page.wait_for_url("**/artifacts")
    # Other tests may have filled the first page by now.
    page.goto("/artifacts?q=ra")
    walk_to(page, "ranker")
    press("k")
    press("j")
    press("Enter")
    page.wait_for_url(f"**{ARTIFACT}")
    press("2")
    page.wait_for_url("**/versions")
    press("j")
    press("j")
    press("Enter")
    page.wait_for_url(f"**{ARTIFACT}/v7")
    walk_to(page, "notes.txt")
    press("Enter")
    page.wait_for_url("**/notes.txt")
    with page.expect_download() as download:
        press("d")
    assert taken(download.value) == b"attempt 6\n"
    page.go_back()
    press("c")
    page.wait_for_url("**/compare?base=v6&head=v7")
    press("/")
    expect(page.get_by_role("searchbox", name="Search artifacts")).to_be_focused()
    page.keyboard.type("ranker:production")
    expect(page.locator("#hits")).to_contain_text("ranker:production")
    press("ArrowDown")
    press("Enter")
    page.wait_for_url(f"**{ARTIFACT}/v6")


def walk_to(page: Page, name: str) -> None:
    """With `j`, until the row with that name has the focus."""
    for _ in range(50):
        page.keyboard.press("j")
        if page.evaluate("document.activeElement.textContent.trim()") == name:
            return
    raise AssertionError(f"No row is called {name}.")


def test_filters_are_in_the_url_and_the_back_button_undoes_them(person):
    page = person("alice").page
    page.goto("/artifacts")
    rows = page.locator("#list tbody tr")
    everything = rows.count()
    page.get_by_label("Filter artifacts").press_sequentially("rank")
    expect(rows).to_have_count(1)
    expect(page).to_have_url(re.compile(r"/artifacts\?q=rank$"))
    expect(page.get_by_label("Filter artifacts")).to_be_focused()
    page.get_by_label("Type", exact=True).select_option("dataset")
    expect(page.locator("#list")).to_contain_text("No artifacts match these filters")
    expect(page).to_have_url(re.compile(r"q=rank.*type=dataset"))
    page.go_back()
    expect(rows).to_have_count(1)
    expect(page.get_by_label("Type", exact=True)).to_have_value("")
    page.go_back()
    expect(page.get_by_label("Filter artifacts")).to_have_value("")
    expect(rows).to_have_count(everything)
    page.get_by_role("columnheader", name="Name").get_by_role("link").click()
    expect(page.get_by_role("columnheader", name="Name")).to_have_attribute("aria-sort", "ascending")
    expect(page).to_have_url(re.compile(r"sort=name"))


def test_the_search_finds_from_any_page_and_escape_puts_the_hits_away(person):
    page = person("bob").page
    page.goto(f"{DATASET}/v3")
    field = page.get_by_role("searchbox", name="Search artifacts")
    field.press_sequentially("train")
    expect(page.locator("#hits")).to_contain_text("train-ranker")
    field.press("Escape")
    expect(page.locator("#hits")).to_be_empty()
    expect(field).to_be_focused()
    field.fill("rank")
    field.press("Enter")
    page.wait_for_url("**/search?q=rank")
    expect(page.get_by_role("heading", name="Artifacts", exact=True)).to_be_visible()
    expect(page.get_by_role("heading", name="Runs", exact=True)).to_be_visible()
    page.goto("/search?q=nowhere-to-be-found")
    expect(page.get_by_role("heading", name="No results")).to_be_visible()


def test_what_is_ticked_stays_so_when_the_list_is_filtered(person):
    page = person("alice").page
    page.goto("/artifacts?q=ra")
    expect(page.locator("#list tbody tr").filter(has_text="interactions")).to_have_count(1)
    page.get_by_label(re.compile("^Select .*ranker$")).check()
    with page.expect_response("**/artifacts?*q=ranker*"):
        page.locator("#filter-search").fill("ranker")
    expect(page.locator("#list tbody tr").filter(has_text="interactions")).to_have_count(0)
    expect(page.get_by_label(re.compile("^Select .*ranker$"))).to_be_checked()


def test_folders_open_without_a_reload_and_long_ones_in_pages(person):
    page = person("vera").page
    page.goto(f"{KINDS}/v1")
    page.locator("#files").get_by_role("link", name="many/", exact=True).click()
    expect(page).to_have_url(re.compile(r"path=many"))
    expect(page.locator("#files .crumbs [aria-current]")).to_have_text("many")
    rows = page.locator("#files a[data-row]")
    expect(rows).to_have_count(100)
    page.get_by_role("link", name="Load more").click()
    expect(rows).to_have_count(130)
    expect(page.get_by_role("link", name="Load more")).to_have_count(0)
    download_selected = page.get_by_role("button", name="Download selected")
    expect(download_selected).to_be_disabled()
    page.get_by_label("Filter files by any part of their path").fill("RT-12")
    expect(rows).to_have_count(10)
    page.get_by_label("Select all").check()
    expect(page.locator("input[name=select]:checked")).to_have_count(10)
    with page.expect_download() as downloading:
        download_selected.click()
    assert downloading.value.suggested_filename == "kinds-v1-selection.zip"
    page.locator("#files .crumbs").get_by_role("link").first.click()
    expect(rows.filter(has_text="blob.bin")).to_be_visible()
    page.go_back()
    page.go_back()
    expect(page.locator("#files .crumbs [aria-current]")).to_have_text("many")
    page.goto(f"{KINDS}/v1?path=a folder/b %26 c/")
    page.get_by_role("link", name="deep #1.txt", exact=True).click()
    expect(page.locator(".preview")).to_contain_text("deep")
    page.locator(".crumbs").get_by_role("link", name="a folder").click()
    expect(page.locator("#files a[data-row]")).to_have_text(["b & c/"])


def test_what_is_downloaded_is_what_was_logged(person):
    page = person("vera").page
    page.goto(f"{KINDS}/v1")
    for name in ("table.parquet", "report.html", "large.json"):
        with page.expect_download() as download:
            page.get_by_role("link", name=f"Download {name}").click()
        assert hashlib.sha256(taken(download.value)).digest() == hashlib.sha256(FILES[name]).digest()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download all").click()
    archive = zipfile.ZipFile(io.BytesIO(taken(download.value)))
    assert {name: archive.read(name) for name in archive.namelist() if not name.endswith("/")} == FILES


def test_two_versions_are_compared_line_by_line_and_any_two_can_be_picked(person):
    page = person("vera").page
    page.goto(f"{ARTIFACT}/compare?base=v1&head=v2")
    page.locator("[data-path='train.py'] summary").click()
    expect(page.locator("[data-path='train.py'] del")).to_have_text("1")
    expect(page.locator("[data-path='train.py'] ins")).to_have_text("2")
    page.get_by_label("to", exact=True).select_option("v4")
    expect(page).to_have_url(re.compile("base=v1&head=v4$"))
    page.locator("[data-path='train.py'] summary").click()
    expect(page.locator("[data-path='train.py'] ins")).to_have_text("4")
    page.get_by_role("link", name="Swap").click()
    expect(page).to_have_url(re.compile("base=v4&head=v1$"))
    expect(page.get_by_label("From", exact=True)).to_have_value("v4")


def test_two_runs_are_ticked_and_compared(person):
    page = person("vera").page
    page.goto("/acme/recommender/runs")
    compare = page.get_by_role("button", name="Compare")
    boxes = page.locator("tbody input[name=item]")
    boxes.nth(0).check()
    expect(compare).to_be_disabled()
    boxes.nth(1).check()
    compare.click()
    expect(page.get_by_role("heading", name="Compare runs")).to_be_visible()
    page.get_by_label("Differing only").check()
    page.wait_for_url("**/run-comparison?*differing=on*")
    expect(page.locator(".run-values tr[data-differs]").first).to_be_visible()


def test_what_one_copies_is_on_the_clipboard_and_announced(person):
    page = person("vera", permissions=["clipboard-read", "clipboard-write"]).page
    page.goto(ARTIFACT)
    use = page.get_by_role("group", name="Use this artifact")
    for label, id in (("Python", "python"), ("CLI", "cli")):
        use.get_by_text(label, exact=True).click()
        use.get_by_role("button", name="Copy").click()
        expect(page.get_by_role("status").filter(has_text="Copied.").last).to_be_visible()
        expect(page.locator(f"#use-{id}")).to_be_visible()
        assert page.evaluate("navigator.clipboard.readText()") == page.locator(f"#use-{id}").text_content()


def test_switching_to_another_version(person):
    page = person("vera").page
    page.goto(ARTIFACT)
    page.locator("#version-bar .switch summary").click()
    page.locator("#version-bar .switch").get_by_role("link", name="v3", exact=True).click()
    page.wait_for_url(f"**{ARTIFACT}/v3")
    expect(page.get_by_role("navigation", name="Artifact").get_by_role("link", name="Files")).to_have_attribute(
        "aria-current", "page"
    )


def test_a_run_is_followed_live(person, call_api):
    page = person("vera").page
    run = call_api(
        "POST", "/runs", {"project": "acme/recommender", "display_name": "night shift", "config": {"depth": 3}}
    )
    page.goto("/acme/recommender/runs")
    page.locator(f"[href$='{run['name']}']").click()
    expect(page.locator("#run .head")).to_contain_text("running")
    expect(page.locator("#run-config")).to_contain_text("depth")
    call_api("PATCH", f"/runs/{run['id']}", {"summary": {"loss": 0.25}})
    expect(page.locator("#run")).to_contain_text("loss")
    call_api("POST", f"/runs/{run['id']}/finish", {"exit_code": 0})
    expect(page.locator("#run .head")).to_contain_text("finished")
    expect(page.locator("#run")).not_to_have_attribute("hx-trigger", re.compile("."))
    page.goto("/acme/recommender/runs?state=running")
    expect(page.locator(f"[href$='{run['name']}']")).to_have_count(0)


def test_charts_tell_values_are_zoomed_and_follow_the_run(person, call_api):
    page = person("vera").page
    run = call_api("POST", "/runs", {"project": "acme/recommender", "display_name": "day shift"})
    writer = str(uuid4())

    def log(offset: int, *rows: dict) -> None:
        call_api("POST", f"/runs/{run['id']}/history", {"writer": writer, "offset": offset, "rows": list(rows)})

    log(0, *({"_step": step, "train/loss": 100 - step} for step in range(101)))
    page.goto(f"/acme/recommender/runs/{run['name']}/charts")
    plot = page.get_by_role("img", name="train/loss by step")
    plot.hover()
    expect(page.locator(".readout")).to_contain_text("day shift")
    expect(page.locator(".readout b")).to_have_text("50")
    box = plot.bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.4, box["y"] + 50)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + 60)
    page.mouse.up()
    expect(page.locator("[data-zoomed] .ticks-x")).to_contain_text("50")
    expect(page.locator("[data-zoomed] .ticks-x")).not_to_contain_text("100")
    page.get_by_role("button", name="Zoom out").click()
    expect(page.locator("[data-zoomed]")).to_have_count(0)
    # The pointer would keep the chart as it is.
    page.mouse.move(0, 0)
    log(101, {"_step": 101, "val/loss": 1})
    expect(page.get_by_role("heading", name="val")).to_be_visible()
    call_api("POST", f"/runs/{run['id']}/finish", {"exit_code": 0})
    expect(page.locator("#run-head")).to_contain_text("finished")
    page.get_by_label("Filter charts").fill("val")
    expect(page.get_by_role("heading", name="train")).to_have_count(0)
    page.get_by_role("link", name="val/loss").click()
    expect(page.get_by_role("row", name="day shift")).to_contain_text("1")


@pytest.mark.parametrize(
    ("name", "status", "where"),
    [
        ("mallory", 404, ARTIFACT),
        ("mallory", 404, "/acme/recommender"),
        ("mallory", 404, f"{DATASET}/v3/files/README.md"),
        ("vera", 403, f"{ARTIFACT}/edit"),
        ("vera", 403, f"{ARTIFACT}/upload"),
        ("vera", 403, "/acme/recommender/settings"),
        ("alice", 404, f"{ARTIFACT}/v99"),
    ],
)
def test_a_page_that_is_not_visible_has_our_error_page(person, name, status, where):
    page = person(name).page
    assert page.goto(where).status == status
    expect(page.get_by_text(str(status), exact=True)).to_be_visible()
    page.get_by_role("link", name="Back to projects").click()
    expect(page.get_by_role("heading", name="Projects", exact=True)).to_be_visible()


def test_who_looks_on_is_offered_nothing_to_change(person):
    page = person("vera").page
    for where in (ARTIFACT, f"{ARTIFACT}/v8", "/acme/recommender", "/acme/recommender/members"):
        page.goto(where)
        for verb in ("Edit", "Delete", "Upload", "New artifact", "Settings", "Invite"):
            expect(page.locator("main").get_by_role("link", name=verb, exact=True)).to_have_count(0)
        expect(page.get_by_label("More actions")).to_have_count(0)


def test_the_facts_of_a_file_are_those_of_its_bytes(person):
    page = person("vera").page
    page.goto(f"{KINDS}/v1/files/tree.json")
    expect(page.locator("#facts")).to_contain_text(hashlib.sha256(FILES["tree.json"]).hexdigest())
    expect(page.locator("#facts")).to_contain_text("Verified")
