"""Records refer to versions of artifacts, which are protected for as long as they do."""

import pytest

from accounts.actor import Actor
from accounts.models import Membership, Role
from artifacts import artifacts, deletion_preview, versions
from artifacts import errors as artifact_errors
from artifacts.models import VersionHold
from hierarchies import artifact_references, errors, hierarchies, records
from hierarchies.records import RecordSpec
from projects import projects
from projects.models import Project
from tests.artifacts.client import log


def test_a_version_stays_while_a_record_refers_to_it(bob, artifact, v1, save):
    record = save(trained_on=["artifact://acme/demo/data:v1"], artifact="artifact://acme/demo/data")
    found = artifact_references.of_record(record)
    assert [(row.pointer, row.requested_as) for row in found] == [("/artifact", "latest"), ("/trained_on/0", "v1")]
    assert {row.version_hold.version for row in found} == {v1}
    with pytest.raises(artifact_errors.VersionHeld, match=f"record {record.pk} in acme/demo/pipeline"):
        versions.delete(Actor(bob), v1)
    with pytest.raises(artifact_errors.VersionHeld, match="Artifact 'data' cannot be deleted"):
        artifacts.delete(Actor(bob), artifact)
    assert record.pk in deletion_preview.of_version(Actor(bob), v1).refusals[0]
    records.update(Actor(bob), record, data={"trained_on": []})
    assert not VersionHold.objects.exists()
    versions.delete(Actor(bob), v1)


def test_a_version_is_free_once_the_record_is_deleted(bob, v1, save):
    records.delete(Actor(bob), save(source="artifact://acme/demo/data:v1"))
    versions.delete(Actor(bob), v1)


@pytest.mark.parametrize("uri", ["artifact://acme/demo/data:v9", "artifact://acme/demo/none:v1", "artifact://data"])
def test_what_is_not_there_is_refused(v1, save, uri):
    with pytest.raises(errors.InvalidData, match="The data refers to"):
        save(source=uri)


def test_what_somebody_cannot_see_is_refused_like_what_is_not_there(bob, mallory, v1):
    project = Project.objects.create(team=mallory.personal_team, name="hers", created_by=mallory)
    hierarchy = hierarchies.create(Actor(mallory), project, "mine")
    with pytest.raises(errors.InvalidData, match="'acme/demo/data' not found"):
        records.create(Actor(mallory), hierarchy, RecordSpec({"source": "artifact://acme/demo/data:v1"}))


def test_who_may_only_look_at_a_version_does_not_protect_it(bob, vera, artifact, v1):
    project = Project.objects.create(team=vera.personal_team, name="hers", created_by=vera)
    hierarchy = hierarchies.create(Actor(vera), project, "mine")
    record = records.create(Actor(vera), hierarchy, RecordSpec({"source": "artifact://acme/demo/data:v1"}))
    assert len(artifact_references.of_record(record)) == 1
    versions.delete(Actor(bob), v1)


def test_a_deleted_project_takes_its_versions_whatever_refers_to_them(alice, bob, project, artifact, v1):
    team = bob.personal_team
    Membership.objects.get_or_create(team=team, user=alice, defaults={"role": Role.EDITOR})
    other = Project.objects.create(team=team, name="other", created_by=bob)
    hierarchy = hierarchies.create(Actor(bob), other, "mine")
    record = records.create(Actor(bob), hierarchy, RecordSpec({"source": "artifact://acme/demo/data:v1"}))
    projects.delete(Actor(alice), project)
    assert artifact_references.of_record(record) == []
    record.refresh_from_db()
    assert record.data == {"source": "artifact://acme/demo/data:v1"}


def test_two_versions_that_are_referred_to_are_named_by_their_own_records(bob, artifact, v1, save):
    v2 = log(bob, artifact, {"two.txt": b"two"})
    one, two = save(source="artifact://acme/demo/data:v1"), save(source="artifact://acme/demo/data:v2")
    refusals = deletion_preview.refusals_of_versions(Actor(bob), artifact, [v1, v2])
    assert one.pk in refusals[v1.pk]
    assert two.pk in refusals[v2.pk]
