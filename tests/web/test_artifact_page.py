"""The page of an artifact is about the version that people use: the one in production, else the latest."""

import re

import pytest

from accounts.actor import Actor, Channel
from artifacts import artifacts, versions
from artifacts.aliases import aliases
from artifacts.models import ArtifactDownload, ArtifactVersion
from tests.artifacts.client import fill, log
from tests.conftest import HTMX
from tests.web.alias_pages import ARTIFACT_URL, htmx_headers

PAGE = ARTIFACT_URL


@pytest.fixture
def two(bob, artifact) -> list[ArtifactVersion]:
    """Two versions, each with a description, metadata and a card of its own."""
    logged = []
    for number in (1, 2):
        version = log(bob, artifact, {"README.md": b"# Card %d\n" % number, "data/train.csv": b"a\n%d\n" % number})
        text = {"description": f"Attempt *{number}*", "metadata": {"rows": 100 * number}}
        logged.append(versions.describe(Actor(bob), version, **text))
    return logged


def test_it_shows_the_version_in_production_or_else_the_latest(browser, bob, vera, artifact, two):
    client = browser(vera)
    page = client.get(PAGE).content.decode()
    assert ">Latest</strong>" in page and "Attempt <em>2</em>" in page and "Metadata of v2" in page
    assert '<span class="int">200</span>' in page and 'id="card-card-2"' in page
    assert f'href="{PAGE}/v2" data-key="4"' in re.sub(r"\s+", " ", page) and "data:latest" in page

    aliases.move(Actor(bob, Channel.SDK), artifact, "production", two[0])
    page = client.get(PAGE).content.decode()
    assert ">In production</strong>" in page and "Attempt <em>1</em>" in page and "Metadata of v1" in page
    assert '<span class="int">100</span>' in page and 'id="card-card-1"' in page and "Attempt <em>2</em>" not in page
    assert "data:production" in page and f"{PAGE}/compare?base=v1" not in page


def test_a_latest_that_is_moved_by_hand_decides_where_nothing_is_in_production(browser, bob, vera, artifact, two):
    artifacts.update(Actor(bob), artifact, auto_latest=False)
    aliases.move(Actor(bob, Channel.SDK), artifact, "latest", two[0])
    assert "Metadata of v1" in browser(vera).get(PAGE).content.decode()
    aliases.remove(Actor(bob, Channel.SDK), artifact, "latest")
    page = browser(vera).get(PAGE).content.decode()
    assert "Metadata of v2" in page and "data:v2" in page


def test_an_artifact_without_versions(browser, bob, artifact):
    fill(bob, artifact, {"a.txt": b"a"})

    page = browser(bob).get(PAGE).content.decode()
    assert "No versions yet" in page and 'id="version-bar"' not in page and "Metadata of" not in page


def test_downloads_are_drawn_where_there_are_any(browser, vera, artifact, two):
    client = browser(vera)
    usage = client.get(f"{PAGE}/usage").content.decode()
    assert '<figure class="chart">' not in usage and "in 30 days" in usage
    ArtifactDownload.objects.create(version=two[0], user=vera)
    assert '<figure class="chart">' in client.get(f"{PAGE}/usage").content.decode()


def test_the_artifact_has_a_description_of_its_own(browser, bob, artifact, two):
    page = browser(bob).get(PAGE).content.decode()
    assert "Description of v2" in page and ">Description<" not in page

    artifacts.update(Actor(bob), artifact, description="Rows of *customers*")
    page = browser(bob).get(PAGE).content.decode()
    assert "Rows of <em>customers</em>" in page and "Description of v2" in page


def test_a_version_has_the_head_and_the_tabs_of_its_artifact(browser, vera, two):
    page = browser(vera).get(f"{PAGE}/v1").content.decode()

    for tab in ("versions", "aliases", "history"):
        assert f'href="{PAGE}/{tab}"' in page
    assert re.search(rf'href="{PAGE}/v1" aria-current="page"\s+data-key="4">Files', page)
    assert 'id="live"' in page and 'id="card-card-1"' in page and "data:v1" in page


def test_switching_to_another_version(browser, bob, vera, artifact, two):
    aliases.move(Actor(bob, Channel.SDK), artifact, "production", two[0])
    client = browser(vera)
    assert f'hx-get="{PAGE}/switch?shown=v1"' in client.get(PAGE).content.decode()
    assert client.get(f"{PAGE}/switch")["Location"] == f"{PAGE}/versions"
    menu = " ".join(client.get(f"{PAGE}/switch?shown=v1", headers=HTMX).content.decode().split())

    assert [*re.findall(r'href="([^"]+)"', menu)] == [f"{PAGE}/{part}" for part in ("v2", "v1", "v2", "v1", "versions")]
    assert 'v1 <span class="muted">production</span>' in menu and menu.count("aria-current") == 2


def test_the_page_follows_the_alias(browser, bob, artifact, two):
    response = browser(bob).post(
        f"{PAGE}/add-alias", {"name": "production", "version": "v1"}, headers=htmx_headers(PAGE)
    )

    text = response.content.decode()
    assert 'id="overview" hx-swap-oob="true"' in text and "In production" in text and "Metadata of v1" in text


def test_queries(browser, bob, vera, artifact, two, django_assert_max_num_queries):
    for number in range(60):
        aliases.put_alias(Actor(bob, Channel.SDK), artifact, f"v0.{number}.0", two[0])
    client = browser(vera)

    for url in (PAGE, f"{PAGE}/v1", f"{PAGE}/v1?readme=source"):
        with django_assert_max_num_queries(12):
            assert client.get(url).status_code == 200


def test_lists_show_descriptions_as_plain_text(browser, vera, two):
    page = browser(vera).get(f"{PAGE}/versions").content.decode()

    assert "Attempt 2" in page and "*2*" not in page
