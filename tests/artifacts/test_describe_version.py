"""Words about a version stay open for ever; the version is shown and listed."""

import pytest

from accounts.actor import Actor, Channel
from artifacts import versions
from artifacts.models import ArtifactVersion
from core import errors
from tests.artifacts.client import begin, log

ARTIFACTS = "/api/v1/artifacts"


def test_descriptions_change_and_contents_do_not(api, bob, v1):
    client, url = api(bob), f"{ARTIFACTS}/versions/{v1.pk}"
    before = client.get(url).json()
    answer = client.patch(url, {"description": "Good", "notes": "N", "metadata": {"f1": 0.9}})

    assert answer.status_code == 200
    after = client.get(url).json()
    assert {name for name in after if after[name] != before[name]} == {"description", "notes", "metadata"}
    assert after | answer.json() == after


def test_what_is_not_described_is_left_as_it_is(api, bob, v1):
    body = {"digest": "0" * 64, "state": "draft", "number": 7, "file_count": 9, "files": [], "aliases": ["x"]}

    assert api(bob).patch(f"{ARTIFACTS}/versions/{v1.pk}", body).status_code == 200
    now = ArtifactVersion.objects.get(pk=v1.pk)
    assert (now.digest, now.state, now.number, now.file_count) == (v1.digest, "finalized", 1, 1)


def test_ids_in_the_body_are_those_of_the_url(api, bob, v1, v2):
    url = f"{ARTIFACTS}/versions/{v1.pk}"

    assert api(bob).patch(url, {"version_id": str(v1.pk), "notes": "x"}).status_code == 200
    assert api(bob).patch(url, {"version_id": str(v2.pk), "notes": "y"}).status_code == 400


def test_versions_are_listed_newest_first(api, vera, bob, artifact, v1, v2):
    draft = begin(bob, artifact, {"d": b"d"}).version
    url = f"{ARTIFACTS}/{artifact.pk}/versions"

    def listed(user, **query) -> list[str]:
        return [item["version"] for item in api(user).get(url, query).json()["items"]]

    assert listed(bob) == [draft.version, "v2", "v1"]
    assert listed(bob, ordering="number") == ["v1", "v2", "v3"]
    assert listed(bob, state="draft") == ["v3"]
    assert listed(bob, state="finalized", page_size=1, page=2) == ["v1"]
    # Drafts are for those who may write.
    assert listed(vera) == ["v2", "v1"]
    assert listed(vera, state="draft") == []
    assert api(vera).get(url).json()["total"] == 2


@pytest.mark.parametrize("query", ["page=0", "page=3", "page_size=201", "state=deleted", "ordering=digest"])
def test_odd_queries_are_refused(api, vera, artifact, v1, query):
    assert api(vera).get(f"{ARTIFACTS}/{artifact.pk}/versions?{query}").status_code == 400


def test_a_list_costs_the_same_however_long_it_is(api, bob, artifact, v1, django_assert_num_queries):
    client, url = api(bob), f"{ARTIFACTS}/{artifact.pk}/versions"
    client.get(url)
    # Key, artifact, count, rows, long values, aliases.
    with django_assert_num_queries(6):
        client.get(url)
    for number in range(5):
        log(bob, artifact, {"a": f"{number}".encode()}, f"x{number}")
    with django_assert_num_queries(6):
        assert client.get(url).json()["total"] == 6


def test_reading_a_version_costs_the_same_however_big_it_is(api, bob, artifact, v1, django_assert_num_queries):
    big = log(bob, artifact, {f"{number}": f"{number}".encode() for number in range(30)}, packed=True)
    client = api(bob)
    client.get(ARTIFACTS)
    for version in (v1, big):
        # Key, version, aliases, files.
        with django_assert_num_queries(4):
            client.get(f"{ARTIFACTS}/versions/{version.pk}")


def test_a_viewer_describes_nothing(api, vera, v1):
    with pytest.raises(errors.Denied):
        versions.describe(Actor(vera), v1, notes="x")

    assert api(vera).patch(f"{ARTIFACTS}/versions/{v1.pk}", {"notes": "x"}).status_code == 403


def test_a_deleted_version_cannot_be_described(api, bob, v1):
    versions.delete(Actor(bob, Channel.SDK), v1)

    assert api(bob).patch(f"{ARTIFACTS}/versions/{v1.pk}", {"notes": "x"}).status_code == 404
