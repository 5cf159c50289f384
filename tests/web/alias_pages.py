"""Where the pages of an alias are, and how tests read them."""

import re
from html import unescape

ARTIFACT_URL = "/acme/demo/artifacts/dataset/data"
PAGE = f"{ARTIFACT_URL}/aliases"


def htmx_headers(page: str) -> dict[str, str]:
    """What HTMX sends from that page."""
    return {"HX-Request": "true", "HX-Current-URL": f"http://testserver{page}"}


def live_url(text: str) -> str:
    """Where a page, or the answer to it, next asks what is new."""
    return unescape(re.search(r'data-live hx-get="([^"]+)"', text)[1])


def expected_fields(text: str) -> dict[str, str]:
    """What the form says of where the alias is."""
    return {name: re.search(f'name="{name}" value="([^"]*)"', text)[1] for name in ("expected", "expected_of")}


def alias_versions(artifact) -> dict[str, str]:
    return {row.alias: row.version.version for row in artifact.alias_set.select_related("version")}


def rows(text: str) -> dict[str, str]:
    """The rows of the list by alias, their markup taken away."""
    cells_by_alias = {}
    for row in re.findall(r"<tr>(.*?)</tr>", text.partition("<tbody>")[2], re.S):
        cells = " ".join(re.sub(r"<[^>]*>", " ", row).split())
        cells_by_alias[cells.split()[0]] = cells
    return cells_by_alias
