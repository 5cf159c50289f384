"""When a version gets its number: at the end, so that a draft that is given up leaves no gap, or at the beginning."""

import pytest
from django.db import IntegrityError, transaction

from accounts.actor import Actor
from artifacts import artifacts, name_resolution, versions
from artifacts.drafts import Numbering
from artifacts.errors import InvalidName, VersionNotFound
from artifacts.models import Artifact, ArtifactVersion
from core.errors import Conflict, Missing
from tests.artifacts.client import at_once, digest_of, file_specs, log

ARTIFACTS = "/api/v1/artifacts"


def begin(user, artifact: Artifact, files: dict[str, bytes] | None = None) -> ArtifactVersion:
    """A draft without a number; without files it needs no bytes in the store."""
    stated = {"digest": digest_of(files), "specs": file_specs(files)} if files else {}
    return versions.begin(Actor(user), artifact, numbering=Numbering.ON_FINALIZE, **stated).version


def finalize(user, draft: ArtifactVersion, *aliases: str) -> ArtifactVersion:
    return versions.finalize(Actor(user), draft, aliases=aliases).version


def test_a_draft_that_is_discarded_leaves_no_gap(bob, artifact):
    discarded, other, third = (begin(bob, artifact) for _ in range(3))
    assert (discarded.number, discarded.version, discarded.url_name) == (None, None, str(discarded.pk))
    assert str(discarded) == f"data (draft {str(discarded.pk)[-8:]})"
    with pytest.raises(VersionNotFound, match="no version 'v1'"):
        name_resolution.resolve(bob, "acme/demo/data:v1")

    versions.delete(Actor(bob), discarded)
    with pytest.raises(VersionNotFound, match=f"^Draft {str(discarded.pk)[-8:]} of artifact 'data' was deleted"):
        versions.delete(Actor(bob), discarded)

    # The order is that in which they are finalized.
    assert finalize(bob, third, "v1", "best").version == "v1"
    assert finalize(bob, other).version == "v2"
    artifact.refresh_from_db()
    assert (artifact.latest_version, artifact.last_assigned_number, artifact.version_count) == ("v2", 2, 2)
    assert name_resolution.resolve(bob, "acme/demo/data:best").version == third


def test_no_number_is_given_twice(bob, artifact):
    first, at_creation = begin(bob, artifact), versions.begin(Actor(bob), artifact).version
    assert at_creation.version == "v1"
    assert finalize(bob, first).version == "v2"
    versions.delete(Actor(bob), finalize(bob, begin(bob, artifact)))
    assert finalize(bob, begin(bob, artifact)).version == "v4"
    # The one that is older by its number is not the latest, and says so.
    finalize(bob, at_creation)
    artifact.refresh_from_db()
    assert artifact.latest_version == "v4"

    waits = begin(bob, artifact)
    artifacts.delete(Actor(bob), artifact)
    with pytest.raises(Missing):
        finalize(bob, ArtifactVersion(pk=waits.pk, artifact=artifact, number=None))
    again = artifacts.create(Actor(bob), artifact.project, "data", "dataset")
    assert finalize(bob, begin(bob, again)).version == "v5"


def test_a_name_that_an_alias_has_is_no_number(bob, artifact, v1):
    draft = begin(bob, artifact)
    with pytest.raises(InvalidName, match="'v3' cannot be an alias"):
        finalize(bob, draft, "v3")
    artifact.alias_set.create(alias="v2", version=v1)
    assert finalize(bob, draft, "v3").version == "v3"


def test_who_begins_it_otherwise_gets_the_draft_with_a_number(api, bob, artifact):
    draft = begin(bob, artifact, {"a": b"a"})
    url, stated = f"{ARTIFACTS}/{artifact.pk}/versions", {"digest": digest_of({"a": b"a"})}

    body = api(bob).post(url, stated | {"numbering": "on_finalize"}).json()
    assert (body["id"], body["version"], body["number"]) == (str(draft.pk), None, None)
    assert body["url"].endswith(f"/data/{draft.pk}")
    body = api(bob).post(url, stated).json()
    assert (body["id"], body["version"], body["number"]) == (str(draft.pk), "v1", 1)
    body = api(bob).post(url, stated | {"numbering": "on_finalize"}).json()
    assert (body["id"], body["version"]) == (str(draft.pk), "v1")
    for wrong in ("never", "", None, 1, []):
        assert api(bob).post(url, {"numbering": wrong}).status_code == 400, wrong


def test_a_stated_number_leaves_out_those_before_it(api, bob, artifact, v1):
    url = f"{ARTIFACTS}/{artifact.pk}/versions"
    draft = api(bob).post(url, {"number": 7}).json()
    assert draft["version"] == "v7"
    api(bob).delete(f"{ARTIFACTS}/versions/{draft['id']}")
    assert finalize(bob, begin(bob, artifact)).version == "v8"

    assert "v8 comes before v9" in api(bob).post(url, {"number": 8}).json()["detail"]
    artifact.alias_set.create(alias="v12", version=v1)
    assert api(bob).post(url, {"number": 12}).status_code == 409
    for wrong in ({"number": -1}, {"number": 10**8}, {"number": 20, "numbering": "on_finalize"}):
        assert api(bob).post(url, wrong).status_code == 400, wrong
    stated = {"digest": digest_of({"a": b"a"}), "specs": file_specs({"a": b"a"})}
    own = versions.begin(Actor(bob), artifact, **stated).version
    with pytest.raises(Conflict, match=f"Your draft of these contents is {own.version}"):
        versions.begin(Actor(bob), artifact, **stated, number=30)
    assert versions.begin(Actor(bob), artifact, **stated, number=own.number).version == own


def test_a_draft_that_gives_way_takes_no_number(alice, bob, artifact):
    drafts = [begin(user, artifact, {}) for user in (alice, bob)]
    ArtifactVersion.objects.update(digest=digest_of({}))

    assert {finalize(alice, drafts[0]), finalize(bob, drafts[1])} == {drafts[0]}
    assert finalize(bob, drafts[1]) == drafts[0]
    artifact.refresh_from_db()
    assert artifact.last_assigned_number == 1


def test_lists_have_drafts_as_the_newest(api, bob, vera, artifact):
    drafts = [begin(bob, artifact) for _ in range(2)]
    done = [finalize(bob, begin(bob, artifact)) for _ in range(2)]
    url = f"{ARTIFACTS}/{artifact.pk}/versions"

    def ids(user, query: str = "") -> list[str]:
        return [row["id"] for row in api(user).get(url + query).json()["items"]]

    rising = [str(row.pk) for row in (*done, *drafts)]
    assert ids(bob, "?ordering=number") == rising
    assert ids(bob) == rising[::-1]
    assert ids(bob, "?page_size=1&page=2") == [rising[-2]]
    assert set(ids(bob, "?cursor=")) == set(rising)
    assert ids(vera) == ids(bob, "?state=finalized") == rising[1::-1]
    assert ids(bob, "?state=draft") == rising[:1:-1]


def test_the_database_wants_a_number_of_a_version(bob, artifact):
    draft = begin(bob, artifact)
    with pytest.raises(IntegrityError, match="version_final_has_number"), transaction.atomic():
        ArtifactVersion.objects.filter(pk=draft.pk).update(state="finalized", finalized_at=draft.created_at)


@pytest.mark.django_db(transaction=True)
def test_those_who_finalize_at_once_have_numbers_of_their_own(bob, artifact):
    drafts = [begin(bob, artifact) for _ in range(4)]
    done = at_once(*[lambda draft=draft: finalize(bob, draft) for draft in drafts])

    assert sorted(version.number for version in done) == [1, 2, 3, 4]
    again = at_once(*[lambda: finalize(bob, drafts[0]) for _ in range(2)])
    assert {version.number for version in again} == {done[0].number}
    artifact.refresh_from_db()
    assert (artifact.last_assigned_number, artifact.version_count) == (4, 4)


def test_sdk_style_log_starts_at_v1(api, bob, project):
    """The first draft comes with its artifact; it is given up, and the next one is v1."""
    body = {"project": str(project.pk), "name": "new", "type": "model", "version": {"numbering": "on_finalize"}}
    begun = api(bob).post(ARTIFACTS, body).json()
    assert begun["version"]["version"] is None
    assert api(bob).delete(f"{ARTIFACTS}/versions/{begun['version']['id']}").status_code == 204

    assert log(bob, Artifact.objects.get(pk=begun["id"]), {"a": b"a"}).version == "v1"
