"""An artifact goes with all that is in it; its bytes go when nobody can be reading them any more."""

from datetime import timedelta

import pytest

from accounts.actor import Actor, Channel
from artifacts import artifacts, storage
from artifacts.aliases import aliases
from artifacts.content import deletions, downloads, garbage_collection, manifests, uploads
from artifacts.lineage import usages
from artifacts.models import (
    AliasChange,
    Artifact,
    ArtifactAlias,
    ArtifactDownload,
    ArtifactFile,
    ArtifactUsage,
    ArtifactVersion,
    StoredObject,
)
from core import errors
from projects import projects
from projects.models import Project
from tests.artifacts.client import MIB, begin, fetch, in_parts, log

ARTIFACTS = "/api/v1/artifacts"
ROWS = (Artifact, ArtifactVersion, ArtifactFile, ArtifactAlias, ArtifactUsage, ArtifactDownload)


def keys(prefix: str) -> list[str]:
    return [info.key for info in storage.list_files(prefix)]


def test_all_its_rows_go(api, bob, run, artifact, v1, v2):
    begin(bob, artifact, {"draft": b"draft"})
    manifests.page(Actor(bob, Channel.SDK), v1, limit=1)
    usages.use(Actor(bob), run, "data:v1")

    assert api(bob).delete(f"{ARTIFACTS}/{artifact.pk}").status_code == 204
    assert [model.objects.count() for model in ROWS] == [0] * len(ROWS)
    # The record alone stays, and still says what it is about.
    assert {change.artifact_name for change in AliasChange.objects.all()} == {"acme/demo/data"}
    assert api(bob).get(f"{ARTIFACTS}/{artifact.pk}").status_code == 404


def test_aliases_go_only_if_the_caller_says_so(api, bob, artifact, v1):
    aliases.move(Actor(bob), artifact, "staging", v1)
    client, url = api(bob), f"{ARTIFACTS}/{artifact.pk}"
    refused = client.delete(f"{url}?delete_aliases=false")
    assert (refused.status_code, refused.json()["code"], refused.json()["aliases"]) == (
        *(409, "VersionHasAliases"),
        ["staging"],
    )
    assert Artifact.objects.exists()
    aliases.remove(Actor(bob), artifact, "staging")
    assert client.delete(f"{url}?delete_aliases=false").status_code == 204


def test_its_bytes_go_after_the_grace(bob, artifact, v1, settings):
    file = v1.files.get()
    url = downloads.presigned_url(Actor(bob, Channel.SDK), file)
    artifacts.delete(Actor(bob, Channel.SDK), artifact)
    garbage_collection.delete_orphans()
    assert fetch(url) == b"one"

    settings.ORPHAN_GRACE = timedelta(0)
    assert garbage_collection.delete_orphans() == 1
    deletions.delete_due()
    assert keys(v1.storage_path) == []
    assert StoredObject.objects.count() == 0


def test_the_grace_begins_when_the_artifact_goes(bob, artifact, v1, settings, age):
    age(days=30)
    url = downloads.presigned_url(Actor(bob, Channel.SDK), v1.files.get())
    artifacts.delete(Actor(bob, Channel.SDK), artifact)

    assert garbage_collection.delete_orphans() == 0
    assert fetch(url) == b"one"


def test_bytes_that_another_artifact_shares_stay(bob, artifact, other, v1, work, settings):
    work()
    shared = log(bob, other, {"copy.txt": b"one"})
    settings.ORPHAN_GRACE = timedelta(0)
    artifacts.delete(Actor(bob, Channel.SDK), artifact)
    garbage_collection.delete_orphans()
    deletions.delete_due()

    assert fetch(downloads.presigned_url(Actor(bob, Channel.SDK), shared.files.get())) == b"one"


def test_the_name_is_free_again_and_its_numbers_go_on(bob, project, artifact, v1):
    artifacts.delete(Actor(bob, Channel.SDK), artifact)

    assert log(bob, artifacts.create(Actor(bob), project, "data", "model"), {"a": b"a"}).version == "v2"


def test_a_project_goes_with_its_artifacts(alice, bob, project, artifact, v1, v2, run):
    usages.use(Actor(bob), run, "data:v1")
    begin(bob, artifact, {"draft": b"draft"})
    projects.delete(Actor(alice), project)

    assert [model.objects.count() for model in (Project, *ROWS)] == [0] * (len(ROWS) + 1)


def test_bytes_of_a_project_go_after_it(alice, project, artifact, v1):
    body = b"x" * (6 * MIB)
    draft = begin(alice, artifact, {"big": body}).version
    uploads.begin(Actor(alice), draft, [in_parts(body, 5 * MIB)])
    deletions.delete_due()
    assert keys(v1.storage_path) != []

    prefix = f"projects/{project.pk}/"
    projects.delete(Actor(alice), project)
    deletions.delete_due()
    assert (keys(prefix), list(storage.open_multiparts(prefix))) == ([], [])


def test_a_viewer_deletes_nothing(api, vera, artifact, v1):
    with pytest.raises(errors.Denied):
        artifacts.delete(Actor(vera, Channel.SDK), artifact)

    assert api(vera).delete(f"{ARTIFACTS}/{artifact.pk}").status_code == 403
    assert Artifact.objects.get().version_count == 1


def test_deleting_twice_is_missing(api, bob, artifact):
    client = api(bob)
    client.delete(f"{ARTIFACTS}/{artifact.pk}")

    assert client.delete(f"{ARTIFACTS}/{artifact.pk}").status_code == 404
    with pytest.raises(errors.Missing):
        artifacts.delete(Actor(bob, Channel.SDK), artifact)
