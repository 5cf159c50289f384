"""What the browser tests of aliases have before them, and do again and again."""

import hashlib
import re
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from playwright.sync_api import Locator, Page, expect

from tests.browser.page_objects import dialog


@dataclass
class Thing:
    """An artifact of acme's with some versions and aliases."""

    id: str
    name: str
    here: str
    versions: list[str]
    ask: Callable[..., Any]

    @property
    def aliases(self) -> str:
        return f"{self.here}/aliases"

    def move(self, alias: str, number: int) -> None:
        """As alice's scripts would, meanwhile."""
        self.ask("POST", f"/artifacts/{self.id}/aliases", {"alias": alias, "version_id": self.versions[number - 1]})

    def where(self) -> dict[str, str]:
        listed = self.ask("GET", f"/artifacts/{self.id}/aliases", None)["items"]
        return {each["alias"]: each["version"] for each in listed}


def logged(ask: Callable[..., Any], artifact: str, content: bytes) -> str:
    """The id of a new version with one file. The bytes are sent once: the project knows them from then on."""
    sha256 = hashlib.sha256(content).hexdigest()
    file = {"path": "notes.txt", "size": len(content), "sha256": sha256}
    draft = ask("POST", f"/artifacts/{artifact}/versions", {"files": [file]})
    if draft["missing"]:
        wanted = {"kind": "file", "sha256": sha256, "size": len(content)}
        [put] = ask("POST", f"/artifacts/versions/{draft['id']}/uploads", {"objects": [wanted]})["objects"]
        request = urllib.request.Request(put["url"], method="PUT", data=content, headers=put["headers"])
        urllib.request.urlopen(request, timeout=60).close()
    return ask("POST", f"/artifacts/versions/{draft['id']}/finalize")["id"]


def row(page: Page, alias: str) -> Locator:
    return page.get_by_role("row").filter(has=page.locator(".badge.alias", has_text=re.compile(f"^{alias}")))


def at(page: Page, alias: str, version: str, **options: float) -> None:
    expect(row(page, alias).locator(".badge.version")).to_have_text(version, **options)


def press(page: Page, name: str) -> None:
    dialog(page).get_by_role("button", name=name, exact=True).click()


def gone(page: Page) -> None:
    expect(page.locator("dialog[open]")).to_have_count(0)


def mark(page: Page) -> None:
    """From now on a reload would be seen."""
    page.evaluate("window.isTheSamePage = true")


def stayed(page: Page) -> None:
    assert page.evaluate("window.isTheSamePage === true")
