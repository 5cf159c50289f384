"""The aliases in lists and headings are those of the artifact, and say where they point."""

import re

import pytest

from accounts.actor import Actor
from artifacts.aliases import aliases, protection
from artifacts.models import Artifact, ArtifactAlias, ArtifactUsage
from tests.conftest import HTMX

URL = "/acme/demo/artifacts/dataset/data"


@pytest.fixture
def used(bob, artifact, v1, v2, run) -> Artifact:
    """`production` is at v1, which a run has used; v2 is the newest, and has a semantic version."""
    for alias, version in (("v0.10.0", v2), ("production", v1), ("v0.2.0", v1)):
        aliases.move(Actor(bob), artifact, alias, version)
    ArtifactUsage.objects.create(run=run, version=v1)
    return artifact


def pointers(text: str) -> list[tuple[str, str]]:
    """Those of them that say where an alias points, each once: narrow windows have their own."""
    return list(dict.fromkeys(chip for chip in chips(text) if " → " in chip[1]))


def chips(text: str) -> list[tuple[str, str]]:
    """The links of an alias: where to, and what their title says."""
    return re.findall(r'<a href="([^"]+)" class="badge alias" title="([^"]+)"', text)


def test_every_list_and_heading_shows_where_they_point(browser, bob, used, run):
    client = browser(bob)
    expected = [(f"{URL}/v1", "production → v1"), (f"{URL}/v2", "latest → v2"), (f"{URL}/v1", "v0.2.0 → v1")]
    last = (f"{URL}/v2", "v0.10.0 → v2")
    for page in ("/artifacts", "/artifacts?alias=production", "/acme/demo/artifacts", URL, f"{URL}/versions"):
        assert pointers(client.get(page).content.decode())[:4] == [*expected, last], page
    for page in ("/", "/acme/demo", f"/acme/demo/runs/{run.name}", "/search?q=da"):
        text = client.get(page, headers=HTMX if "search" in page else {}).content.decode()
        assert pointers(text) == expected, page
        assert f'<a class="badge more" href="{URL}/aliases" title="1 more"' in text, page
    assert pointers(client.get("/artifacts?alias=v0.10.0").content.decode()) == [last, *expected]


def test_protected_ones_come_first_and_selects_follow(browser, alice, bob, used, v2):
    aliases.move(Actor(bob), used, "release", v2)
    protection.create(Actor(alice), used.project, "rel*")

    assert chips(browser(bob).get("/artifacts").content.decode())[0][1] == "release → v2"
    rows = re.findall(r'<span class="clip">([^<]+)</span>', browser(bob).get(f"{URL}/aliases").content.decode())
    tab = [name for name in rows if name != "rel*"]
    assert tab[-5:] == ["release", "production", "latest", "v0.2.0", "v0.10.0"]
    form = browser(bob).get(f"{URL}/aliases/production/move").content.decode()
    assert "v2 · latest, release, v0.10.0" in re.sub(r"\s+", " ", form)


def test_long_and_many_names_are_bounded(browser, bob, used, v1, django_assert_max_num_queries):
    long = "n" * 100
    names = [long, *(f"v{major}.0.0" for major in range(1, 41))]
    ArtifactAlias.objects.bulk_create(ArtifactAlias(artifact=used, version=v1, alias=name) for name in names)
    client = browser(bob)
    client.get("/")
    more = {"/artifacts": 41, "/": 42, "/acme/demo": 42, "/search?q=da": 42, URL: 39, f"{URL}/v1": 31}
    more |= {f"{URL}/versions": 37, f"{URL}/aliases": 39}
    for page, number in more.items():
        with django_assert_max_num_queries(12):
            text = client.get(page, headers=HTMX if "search" in page else {}).content.decode()
        assert "→ data:v1" not in text, page
        assert f'title="{long} → v1"' in text or f'title="History of {long}"' in text, page
        assert f'title="{number} more"' in text, page
        assert len(chips(text)) < 40, page
