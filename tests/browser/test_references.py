"""References in a browser: they are added to a draft by their URIs, and what became of them turns red by itself."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from playwright.sync_api import expect

from tests.browser.page_objects import drop, unique_name, wait_until_verified


class _Objects(BaseHTTPRequestHandler):
    """A web server where every object is another one by now."""

    def do_HEAD(self) -> None:
        self.send_response(200)
        self.send_header("ETag", '"after"')
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args: object) -> None:
        """Tests print nothing."""


@pytest.fixture
def objects_url() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Objects) as server:
        threading.Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_references_are_added_and_their_drift_is_seen_without_a_reload(person, call_api, objects_url):
    name = unique_name("elsewhere")
    call_api("POST", "/artifacts", {"project": "acme/recommender", "name": name, "type": "dataset"})
    page = person("alice").page
    page.goto(f"/acme/recommender/artifacts/dataset/{name}/upload")
    page.evaluate("window.isSamePage = true")

    page.get_by_label("URIs").fill(f"{objects_url}/a.csv\nnot-a-uri\n{objects_url}/other/a.csv")
    page.get_by_role("button", name="Add references").click()
    expect(page.locator("#references li")).to_have_count(2)
    expect(page.locator("#references")).to_contain_text("Line 2: ")
    expect(page.locator("#references")).to_contain_text("Line 3: Line 1 has the path 'a.csv' too.")
    expect(page.get_by_label("URIs")).to_have_value(f"{objects_url}/a.csv\nnot-a-uri\n{objects_url}/other/a.csv")
    page.get_by_label("URIs").fill(f"{objects_url}/a.csv\n{objects_url}/other/a.csv  data/b.csv")
    page.get_by_role("button", name="Add references").click()
    expect(page.locator("#draft-files tbody tr")).to_have_count(2)
    expect(page.get_by_label("URIs")).to_have_value("")
    # Workers record what they are, without a reload.
    expect(page.locator("#draft-files tbody tr").nth(0)).to_contain_text("etag:after")
    expect(page.locator("#draft-files tbody tr").nth(1)).to_contain_text("etag:after")

    # What is uploaded goes into the draft that the references have begun, and the other way round.
    drop(page, {"one.txt": "first"})
    wait_until_verified(page, 1)
    page.get_by_role("button", name="Remove data/b.csv").click()
    expect(page.locator("#draft-files tbody tr")).to_have_count(2)
    page.get_by_label("URIs").fill(f"{objects_url}/late.csv")
    page.get_by_role("button", name="Add references").click()
    expect(page.locator("#draft-files tbody tr")).to_have_count(3)
    expect(page.locator("#draft-files")).not_to_contain_text("Recording")
    assert page.evaluate("window.isSamePage")
    draft = page.url.partition("?version=")[2]
    recorded = {"path": "drifted.csv", "uri": f"{objects_url}/drifted.csv", "etag": "before"}
    call_api("POST", f"/artifacts/versions/{draft}/files/reference", recorded)
    page.get_by_role("button", name="Finalize", exact=True).click()
    page.wait_for_url(f"**/{name}/v1")

    page.evaluate("window.isSamePage = true")
    expect(page.locator("#version-bar")).to_contain_text("1 file here (5 B), 3 elsewhere")
    expect(page.locator("#drift")).to_contain_text("References: not checked")
    row = page.locator("#files tr", has_text="drifted.csv")
    expect(row.locator(".mark.muted")).to_be_visible()
    page.get_by_role("button", name="Check now").click()
    expect(page.locator("#drift .badge.bad")).to_have_text("References: changed")
    expect(row.locator(".mark.bad")).to_be_visible()
    expect(page.get_by_role("button", name="Check now")).to_be_visible()
    assert page.locator("#drift").get_attribute("hx-trigger") is None
    assert page.evaluate("window.isSamePage")
    row.get_by_role("link", name="drifted.csv").first.click()
    expect(page.locator("#facts .badge.bad")).to_have_text("Changed")
    expect(page.locator("#facts")).to_contain_text("etag:before")
    link = page.get_by_role("link", name="Open link")
    assert (link.get_attribute("href"), link.get_attribute("rel")) == (recorded["uri"], "noopener noreferrer")
