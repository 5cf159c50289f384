"""Where the pages of an alias are, and how tests read them."""

import re

HERE = "/acme/demo/artifacts/dataset/data"
PAGE = f"{HERE}/aliases"


def part(page: str) -> dict[str, str]:
    """What HTMX sends from that page."""
    return {"HX-Request": "true", "HX-Current-URL": f"http://testserver{page}"}


def told(text: str) -> dict[str, str]:
    """What the form says of where the alias is."""
    return {name: re.search(f'name="{name}" value="([^"]*)"', text)[1] for name in ("expected", "expected_of")}


def where(artifact) -> dict[str, str]:
    return {row.alias: row.version.version for row in artifact.alias_set.select_related("version")}


def rows(text: str) -> dict[str, str]:
    """The rows of the list by alias, their markup taken away."""
    found = {}
    for row in re.findall(r"<tr>(.*?)</tr>", text.partition("<tbody>")[2], re.S):
        words = " ".join(re.sub(r"<[^>]*>", " ", row).split())
        found[words.split()[0]] = words
    return found
