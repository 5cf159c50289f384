"""A version goes: not while names point at it, its number never again, `latest` one back."""

import pytest

from accounts.actor import Actor, Channel
from artifacts import artifacts, storage, versions
from artifacts.aliases import aliases
from artifacts.content import downloads
from artifacts.errors import VersionHasAliases, VersionNotFound
from artifacts.lineage import usages
from artifacts.models import AliasChange, Artifact, ArtifactFile, ArtifactVersion
from core import errors
from tests.artifacts.client import at_once, begin, fetch, fill, log

ARTIFACTS = "/api/v1/artifacts"


def where(artifact) -> dict[str, str]:
    return {row.alias: row.version.version for row in artifact.alias_set.select_related("version")}


def test_an_older_version_goes(api, bob, artifact, v1, v2):
    assert api(bob).delete(f"{ARTIFACTS}/versions/{v1.pk}").status_code == 204

    artifact.refresh_from_db()
    assert (artifact.version_count, artifact.latest_version, where(artifact)) == (1, "v2", {"latest": "v2"})
    assert api(bob).get(f"{ARTIFACTS}/versions/{v1.pk}").status_code == 404
    listed = api(bob).get(f"{ARTIFACTS}/{artifact.pk}/versions").json()
    assert [item["version"] for item in listed["items"]] == ["v2"]
    assert ArtifactFile.objects.filter(version=v1).count() == 0


def test_an_artifact_goes_with_the_draft_that_was_all_it_had(api, bob, artifact, other):
    for kept in (artifact, other):
        log(bob, kept, {"a": b"a"})
    empty = artifacts.create(Actor(bob), artifact.project, "empty", "dataset")
    first, second = (begin(bob, empty, {"a": body}).version for body in (b"1", b"2"))
    drafts = [begin(bob, artifact, {"a": b"b"}).version, first, second]
    for draft in drafts:
        assert api(bob).delete(f"{ARTIFACTS}/versions/{draft.pk}?with_artifact=true").status_code == 204
        assert Artifact.objects.filter(name="empty").exists() is (draft is not second)
    artifact.refresh_from_db()
    assert (
        api(bob).delete(f"{ARTIFACTS}/versions/{artifact.versions.finalized().get().pk}?with_artifact=true").status_code
        == 204
    )
    artifact.refresh_from_db()


def test_latest_falls_back(bob, artifact, v1, v2):
    versions.delete(Actor(bob, Channel.SDK), v2)

    artifact.refresh_from_db()
    assert (artifact.version_count, artifact.latest_version, where(artifact)) == (1, "v1", {"latest": "v1"})
    change = AliasChange.objects.filter(alias="latest").latest("number")
    assert (change.from_version, change.to_version, change.changed_by) == (v2, v1, bob)


def test_latest_of_the_last_one_goes_with_it(bob, artifact, v1):
    versions.delete(Actor(bob, Channel.SDK), v1)

    artifact.refresh_from_db()
    assert (artifact.version_count, artifact.latest_version, where(artifact)) == (0, None, {})
    change = AliasChange.objects.filter(alias="latest").latest("number")
    assert (change.from_version, change.to_version) == (v1, None)
    assert log(bob, artifact, {"a": b"a"}).version == "v2"


def test_latest_that_was_moved_elsewhere_manually_stays(bob, artifact, v1, v2):
    v3 = log(bob, artifact, {"three": b"3"})
    aliases.move(Actor(bob, Channel.SDK), artifact, "latest", v1)
    versions.delete(Actor(bob, Channel.SDK), v3)

    assert where(artifact) == {"latest": "v1"}


def test_latest_that_was_moved_manually_to_the_one_that_goes_falls_to_the_newest(bob, artifact, v1, v2):
    aliases.move(Actor(bob, Channel.SDK), artifact, "latest", v1)
    versions.delete(Actor(bob, Channel.SDK), v1)

    assert where(artifact) == {"latest": "v2"}


def test_names_that_point_at_it_hold_it(api, bob, artifact, v1, v2):
    for alias in ("production", "best"):
        aliases.move(Actor(bob, Channel.SDK), artifact, alias, v2)
    with pytest.raises(VersionHasAliases) as refusal:
        versions.delete(Actor(bob, Channel.SDK), v2)
    assert refusal.value.extra == {"aliases": ["best", "production"]}

    answer = api(bob).delete(f"{ARTIFACTS}/versions/{v2.pk}")
    assert (answer.status_code, answer.json()["code"]) == (409, "VersionHasAliases")
    assert answer.json()["aliases"] == ["best", "production"]
    assert where(artifact) == dict.fromkeys(["best", "latest", "production"], "v2")


def test_they_go_with_it_when_requested(api, bob, artifact, v1, v2):
    aliases.move(Actor(bob, Channel.SDK), artifact, "production", v2)

    assert api(bob).delete(f"{ARTIFACTS}/versions/{v2.pk}?delete_aliases=true").status_code == 204
    assert where(artifact) == {"latest": "v1"}
    change = AliasChange.objects.get(alias="production", number=2)
    assert (change.from_version, change.to_version) == (v2, None)


@pytest.mark.parametrize("value", ["perhaps", "2", "delete"])
def test_what_is_neither_yes_nor_no(api, bob, artifact, v1, value):
    assert api(bob).delete(f"{ARTIFACTS}/versions/{v1.pk}?delete_aliases={value}").status_code == 400


def test_a_draft_is_given_up(api, bob, artifact, v1):
    draft = fill(bob, artifact, {"a": b"a"})

    assert api(bob).delete(f"{ARTIFACTS}/versions/{draft.pk}").status_code == 204
    artifact.refresh_from_db()
    assert (artifact.version_count, artifact.latest_version, where(artifact)) == (1, "v1", {"latest": "v1"})
    assert begin(bob, artifact, {"a": b"a"}).version.version == "v3"


def test_who_holds_a_url_reads_to_the_end(bob, artifact, v1, v2, age):
    age(days=3)
    url = downloads.presigned_url(Actor(bob, Channel.SDK), v1.files.get())
    versions.delete(Actor(bob, Channel.SDK), v1)

    assert fetch(url) == b"one"


def test_bytes_that_a_later_version_shares_stay(bob, artifact, v1):
    v2 = log(bob, artifact, {"one.txt": b"one", "two": b"2"})
    versions.delete(Actor(bob, Channel.SDK), v1)

    assert fetch(downloads.presigned_url(Actor(bob, Channel.SDK), v2.files.get(path="one.txt"))) == b"one"
    assert list(storage.list_files(v1.storage_path)) != []


def test_a_usage_is_not_listed_any_more(api, bob, artifact, run, v1, v2):
    usages.use(Actor(bob), run, "data:v1")
    versions.delete(Actor(bob, Channel.SDK), v1)

    assert api(bob).get(f"/api/v1/runs/{run.pk}/artifacts").json() == {"logged": [], "used": []}


def test_deleting_twice_counts_once(api, bob, artifact, v1, v2):
    stale = ArtifactVersion.objects.get(pk=v1.pk)
    versions.delete(Actor(bob, Channel.SDK), v1)
    with pytest.raises(VersionNotFound):
        versions.delete(Actor(bob, Channel.SDK), stale)

    artifact.refresh_from_db()
    assert artifact.version_count == 1
    assert api(bob).delete(f"{ARTIFACTS}/versions/{v1.pk}").status_code == 404


def test_a_draft_that_became_final_meanwhile_is_deleted_as_what_it_is(bob, artifact, v1):
    draft = fill(bob, artifact, {"a": b"a"})
    stale = ArtifactVersion.objects.get(pk=draft.pk)
    versions.finalize(Actor(bob, Channel.SDK), draft)
    versions.delete(Actor(bob, Channel.SDK), stale)

    artifact.refresh_from_db()
    assert (artifact.version_count, artifact.latest_version) == (1, "v1")


def test_a_viewer_deletes_nothing(api, vera, artifact, v1):
    with pytest.raises(errors.Denied):
        versions.delete(Actor(vera, Channel.SDK), v1)

    assert api(vera).delete(f"{ARTIFACTS}/versions/{v1.pk}").status_code == 403


@pytest.mark.django_db(transaction=True)
def test_deleting_all_at_once(api, bob, artifact):
    made = [log(bob, artifact, {"a": f"{number}".encode()}) for number in range(5)]
    client = api(bob)
    answers = at_once(*[lambda one=one: client.delete(f"{ARTIFACTS}/versions/{one.pk}") for one in [*made, *made]])

    assert sorted(answer.status_code for answer in answers) == [204] * 5 + [404] * 5
    artifact.refresh_from_db()
    assert (artifact.version_count, artifact.latest_version, where(artifact)) == (0, None, {})


@pytest.mark.django_db(transaction=True)
def test_logging_while_the_newest_is_deleted(bob, artifact, v1, v2):
    at_once(lambda: versions.delete(Actor(bob, Channel.SDK), v2), lambda: log(bob, artifact, {"two.txt": b"two"}))

    artifact.refresh_from_db()
    final = artifact.versions.finalized()
    assert artifact.version_count == final.count()
    newest = final.order_by("-number").first()
    assert (artifact.latest_version, where(artifact)["latest"]) == (newest.version, newest.version)
