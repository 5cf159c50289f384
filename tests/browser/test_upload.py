"""From the reader's disk into a draft, straight to the store, and from the draft to a version."""

import hashlib
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect

from tests.browser.page_objects import drop, unique_name, wait_until_verified

MIB = 2**20


def begin(call_api: Callable[..., Any], prefix: str) -> str:
    """The page that uploads to a new artifact."""
    name = unique_name(prefix)
    call_api("POST", "/artifacts", {"project": "acme/recommender", "name": name, "type": "file"})
    return f"/acme/recommender/artifacts/file/{name}/upload"


def test_dropped_files_get_their_hashes_without_a_reload_and_become_a_version(person, call_api):
    page = person("alice").page
    page.goto(begin(call_api, "dropped"))
    expect(page.get_by_role("button", name="Finalize")).to_be_disabled()
    page.evaluate("window.isSamePage = true")
    drop(page, {"one.txt": "first", "two.txt": "second"})
    wait_until_verified(page, 2)
    expect(page).to_have_url(re.compile(r"\?version=[0-9a-f-]{36}$"))
    sha256 = hashlib.sha256(b"first").hexdigest()
    expect(page.locator(f"#draft-files [data-copy='{sha256}']")).to_be_visible()
    expect(page.locator("#draft-files")).not_to_have_attribute("data-unsettled", "")
    page.get_by_role("button", name="Remove two.txt").click()
    expect(page.locator("#draft-files tbody tr")).to_have_count(1)
    assert page.evaluate("window.isSamePage")
    page.get_by_label("Aliases").fill("candidate, nightly")
    page.get_by_label("Description").fill("What was *dropped*.")
    expect(page.locator("[data-finalize]")).to_contain_text("This action cannot be undone.")
    page.get_by_role("button", name="Finalize", exact=True).click()
    page.wait_for_url("**/dropped-*/v1")
    for badge in ("candidate", "nightly", "latest"):
        expect(page.locator("#version-bar")).to_contain_text(badge)
    expect(page.locator("#facts")).to_contain_text("Finalized")
    expect(page.locator("#files a[data-row]")).to_have_text(["one.txt"])
    expect(page.get_by_role("status").filter(has_text="v1 finalized.")).to_be_visible()


def test_a_folder_keeps_its_paths_and_a_big_file_goes_in_parts(person, call_api, tmp_path: Path):
    big = random.Random(3).randbytes(MIB) * 70
    (tmp_path / "run" / "nested").mkdir(parents=True)
    (tmp_path / "run" / "nested" / "small.txt").write_bytes(b"small")
    (tmp_path / "run" / "empty.txt").write_bytes(b"")
    (tmp_path / "big.bin").write_bytes(big)
    page = person("alice").page
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url) if request.method == "PUT" else None)
    page.goto(begin(call_api, "picked"))
    page.locator("[data-pick-folder]").set_input_files(tmp_path / "run")
    page.locator("[data-pick-files]").set_input_files(tmp_path / "big.bin")
    wait_until_verified(page, 3)
    expect(page.locator("#draft-files td.name")).to_have_text(["big.bin", "run/empty.txt", "run/nested/small.txt"])
    expect(page.locator(f"#draft-files [data-copy='{hashlib.sha256(big).hexdigest()}']")).to_be_visible()
    assert len({url for url in sent if "partNumber" in url}) == 3
    expect(page.locator("[data-live]")).to_have_text("3 of 3 files uploaded.")
    page.get_by_role("button", name="Finalize", exact=True).click()
    page.wait_for_url("**/picked-*/v1")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download big.bin").click()
    assert hashlib.sha256(Path(download.value.path()).read_bytes()).digest() == hashlib.sha256(big).digest()


def test_a_dropped_folder_is_walked(person, call_api, tmp_path: Path):
    (tmp_path / "tree" / "leaf").mkdir(parents=True)
    (tmp_path / "tree" / "leaf" / "a.txt").write_bytes(b"a")
    (tmp_path / "tree" / "b.txt").write_bytes(b"b")
    page = person("alice").page
    page.goto(begin(call_api, "walked"))
    drop_from_disk(page, tmp_path / "tree")
    wait_until_verified(page, 2)
    expect(page.locator("#draft-files td.name")).to_have_text(["tree/b.txt", "tree/leaf/a.txt"])


def drop_from_disk(page: Page, path: Path) -> None:
    """What the desktop does when somebody lets go of a folder above the page."""
    page.locator("[data-drop]").scroll_into_view_if_needed()
    box = page.locator("[data-drop]").bounding_box()
    session = page.context.new_cdp_session(page)
    point = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
    held = {"items": [], "files": [str(path)], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver", "drop"):
        session.send("Input.dispatchDragEvent", {"type": kind, "data": held, **point})


def test_what_fails_on_the_way_can_be_sent_again(person, call_api):
    alice = person("alice")
    page = alice.page
    page.goto(begin(call_api, "again"))
    page.route("**/files/upload-url", lambda route: route.fulfill(status=400, json={"detail": "Not today."}))
    drop(page, {"late.txt": "late"})
    expect(page.locator(".transfer [data-fault]")).to_contain_text("Not today.")
    page.unroute("**/files/upload-url")
    page.locator(".transfer [data-retry]").click()
    wait_until_verified(page, 1)
    expect(page.get_by_role("button", name="Finalize", exact=True)).to_be_enabled()


def test_an_alias_that_is_none_is_refused_beside_the_form(person, call_api):
    page = person("alice").page
    page.goto(begin(call_api, "refused"))
    drop(page, {"one.txt": "first"})
    wait_until_verified(page, 1)
    page.get_by_label("Aliases").fill("not/good")
    page.get_by_role("button", name="Finalize", exact=True).click()
    expect(page.locator("[data-finalize] .refusal")).not_to_be_empty()
    expect(page.get_by_label("Aliases")).to_have_value("not/good")
    # Whoever comes back later goes on with it.
    page.goto(page.url.partition("?")[0])
    page.get_by_role("link", name="Continue draft (1 file)").click()
    expect(page.locator("#draft-files td.name")).to_have_text(["one.txt"])
    expect(page.get_by_role("button", name="Finalize", exact=True)).to_be_enabled()
