"""The form by which tags, metadata and the time to live of a version are edited."""

import re
from datetime import timedelta

import pytest

from accounts.actor import Actor
from artifacts import versions
from artifacts.models import ArtifactVersion
from tests.artifacts.client import log
from tests.conftest import HTMX

PAGE = "/acme/demo/artifacts/dataset/data/v1"


@pytest.fixture
def version(bob, artifact) -> ArtifactVersion:
    logged = log(bob, artifact, {"README.md": b"# Data\n"}, "production")
    versions.describe(Actor(bob), logged, description="Cleaned of *doubles*", metadata={"n": 7})
    return logged


def test_tags_and_time_to_live_are_edited_and_shown(browser, bob, version):
    client = browser(bob)
    form = {"description": "New", "notes": "", "metadata": "{}", "tags": "clean, two words", "ttl_days": "5.5"}
    assert "Expires" not in client.get(PAGE).content.decode()
    assert client.post(f"{PAGE}/edit", form).status_code == 302

    page = client.get(PAGE).content.decode()
    assert "in 5 days" in page and "two words" in page
    versions_page = client.get(f"{PAGE.rpartition('/')[0]}/versions").content.decode()
    assert "two words</span>" in versions_page and "expires <time" in versions_page
    dialog = client.get(f"{PAGE}/edit", headers=HTMX).content.decode()
    assert 'value="5.5"' in dialog and 'value="clean, two words"' in dialog
    # What is not changed here is left as it is, to the second.
    version.refresh_from_db()
    expires_at = version.expires_at
    assert client.post(f"{PAGE}/edit", form | {"notes": "x"}).status_code == 302
    version.refresh_from_db()
    assert (version.expires_at, version.notes) == (expires_at, "x")
    assert client.post(f"{PAGE}/edit", form | {"ttl_days": "", "tags": ""}).status_code == 302
    version = ArtifactVersion.objects.get(pk=version.pk)
    assert (version.expires_at, version.tags) == (None, [])


def test_a_time_to_live_that_somebody_else_sets_meanwhile_stays(browser, bob, version):
    client = browser(bob)
    dialog = client.get(f"{PAGE}/edit", headers=HTMX).content.decode()
    on_page = re.findall(r'name="((?:initial-)?ttl_days)"(?: value="([^"]*)")?', dialog)
    assert dict(on_page) == {"ttl_days": "", "initial-ttl_days": ""}
    versions.describe(Actor(bob), version, ttl=timedelta(days=3))
    expires_at = version.expires_at
    form = {"description": "New", "notes": "", "metadata": "{}", "tags": ""} | dict(on_page)
    assert client.post(f"{PAGE}/edit", form).status_code == 302
    version.refresh_from_db()
    assert (version.description, version.expires_at) == ("New", expires_at)
    assert client.post(f"{PAGE}/edit", form | {"initial-ttl_days": "3"}).status_code == 302
    version.refresh_from_db()
    assert version.expires_at is None


def test_a_time_to_live_is_shown_as_it_was_set(browser, bob, version):
    versions.describe(Actor(bob), version, ttl=timedelta(days=3))
    client = browser(bob)

    assert ">in 3 days<" in client.get(PAGE).content.decode()
    assert 'value="3"' in client.get(f"{PAGE}/edit", headers=HTMX).content.decode()


def test_a_version_of_a_short_life_is_edited(browser, bob, version):
    versions.describe(Actor(bob), version, ttl=timedelta(minutes=5))
    expires_at = version.expires_at
    client = browser(bob)
    ttl_days = re.search(r'name="ttl_days" value="([^"]+)"', client.get(f"{PAGE}/edit").content.decode())[1]

    form = {"description": "New", "notes": "", "metadata": "{}", "tags": "", "ttl_days": ttl_days}
    assert client.post(f"{PAGE}/edit", form).status_code == 302
    version.refresh_from_db()
    assert (version.description, version.expires_at) == ("New", expires_at)


@pytest.mark.parametrize("fields", [{"ttl_days": "0"}, {"ttl_days": "x"}, {"ttl_days": "1e9"}, {"tags": "x" * 200}])
def test_odd_tags_and_times_are_refused(browser, bob, version, fields):
    form = {"description": "lost", "notes": "", "metadata": "{}"} | fields

    assert browser(bob).post(f"{PAGE}/edit", form, headers=HTMX).status_code == 422
    version.refresh_from_db()
    assert version.description == "Cleaned of *doubles*"


@pytest.mark.parametrize("metadata", ["{", "[1]", '{"a": NaN}', '"x"', "[" * 10**5, '{"a": "\\u0000"}'])
def test_metadata_that_is_none_is_refused(browser, bob, version, metadata):
    response = browser(bob).post(f"{PAGE}/edit", {"description": "lost", "metadata": metadata}, headers=HTMX)

    assert response.status_code == 422
    version.refresh_from_db()
    assert (version.description, version.metadata) == ("Cleaned of *doubles*", {"n": 7})
