"""Steps and parts of the alias pages that the browser tests share."""

import hashlib
import re
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from playwright.sync_api import Locator, Page, expect

from tests.browser.page_objects import dialog


@dataclass
class SeededArtifact:
    """An artifact of acme's with some versions and aliases."""

    id: str
    name: str
    url: str
    versions: list[str]
    call_api: Callable[..., Any]

    @property
    def aliases(self) -> str:
        return f"{self.url}/aliases"

    def move(self, alias: str, number: int) -> None:
        """As alice's scripts would, meanwhile."""
        self.call_api(
            "POST", f"/artifacts/{self.id}/aliases", {"alias": alias, "version_id": self.versions[number - 1]}
        )

    def alias_versions(self) -> dict[str, str]:
        listed = self.call_api("GET", f"/artifacts/{self.id}/aliases", None)["items"]
        return {row["alias"]: row["version"] for row in listed}


def log_version(call_api: Callable[..., Any], artifact: str, content: bytes, **fields: Any) -> str:
    """The id of a new version with one file. The bytes are sent once: the project knows them from then on."""
    sha256 = hashlib.sha256(content).hexdigest()
    file = {"path": "notes.txt", "size": len(content), "sha256": sha256}
    draft = call_api("POST", f"/artifacts/{artifact}/versions", {"files": [file]} | fields)
    if draft["missing"]:
        requested = {"kind": "file", "sha256": sha256, "size": len(content)}
        [upload] = call_api("POST", f"/artifacts/versions/{draft['id']}/uploads", {"objects": [requested]})["objects"]
        request = urllib.request.Request(upload["url"], method="PUT", data=content, headers=upload["headers"])
        urllib.request.urlopen(request, timeout=60).close()
    return call_api("POST", f"/artifacts/versions/{draft['id']}/finalize")["id"]


def alias_row(page: Page, alias: str) -> Locator:
    return page.get_by_role("row").filter(has=page.locator(".badge.alias", has_text=re.compile(f"^{alias}")))


def expect_at(page: Page, alias: str, version: str, **options: float) -> None:
    expect(alias_row(page, alias).locator(".badge.version")).to_have_text(version, **options)


def press_button(page: Page, name: str) -> None:
    dialog(page).get_by_role("button", name=name, exact=True).click()


def expect_no_dialog(page: Page) -> None:
    expect(page.locator("dialog[open]")).to_have_count(0)


def mark_page(page: Page) -> None:
    """After this, `expect_same_page` notices a reload."""
    page.evaluate("window.isTheSamePage = true")


def expect_same_page(page: Page) -> None:
    assert page.evaluate("window.isTheSamePage === true")
