"""Versions in collections: linked, not copied; with numbers and aliases of their own; held while they are linked."""

import pytest

from accounts.actor import Actor
from accounts.models import Membership, Role, Team
from artifacts import artifacts, links, name_resolution
from artifacts.models import Artifact, ArtifactFile, ArtifactVersion
from core import errors
from projects.models import Project
from tests.artifacts.client import at_once, begin, log


@pytest.fixture
def registry(alice, bob) -> Project:
    """A private project of another team, in which bob edits; vera and mallory do not see it."""
    team = Team.objects.create(name="registry", created_by=alice)
    Membership.objects.create(team=team, user=bob, role=Role.EDITOR)
    return Project.objects.create(team=team, name="models", created_by=alice)


@pytest.fixture
def collection(bob, registry) -> Artifact:
    return artifacts.create(Actor(bob), registry, "best", "dataset", kind="collection")


def where(artifact) -> dict[str, str]:
    return {row.alias: row.version.version for row in artifact.alias_set.select_related("version")}


def test_a_version_is_linked_and_found_by_the_name_of_the_collection(bob, v1, v2, collection):
    first = links.link(Actor(bob), v1, collection, aliases=["production"])
    second = links.link(Actor(bob), v2, collection)

    assert [first.version, second.version] == ["v0", "v1"]
    assert where(collection) == {"production": "v0", "latest": "v1"}
    collection.refresh_from_db()
    assert (collection.version_count, collection.latest_version) == (2, "v1")
    found = name_resolution.resolve(bob, "registry/models/best:production").version
    assert (found, found.is_link, found.contents) == (first, True, v1)
    assert (found.digest, found.file_count, found.total_size, found.run) == (v1.digest, 1, 3, None)
    assert [(file.path, file.version) for file in found.files.all()] == [("one.txt", first)]
    assert ArtifactFile.objects.count() == 2


def test_the_same_version_is_linked_once_and_a_link_leads_to_the_original(bob, v1, collection, registry):
    first = links.link(Actor(bob), v1, collection)
    again = links.link(Actor(bob), v1, collection, aliases=["staging"])
    other = links.link_by_name(Actor(bob), first, registry, "others", aliases=["staging"])

    assert again == first
    assert where(collection) == {"latest": "v0", "staging": "v0"}
    assert (other.artifact.name, other.artifact.kind, other.linked_version) == ("others", "collection", v1)
    assert list(other.sources.values_list("source", flat=True)) == [v1.pk]


@pytest.mark.django_db(transaction=True)
def test_two_who_link_the_same_at_once_have_one_link(bob, v1, collection):
    made = at_once(*[lambda: links.link(Actor(bob), v1, collection)] * 2)

    assert made[0] == made[1]
    assert collection.versions.count() == 1


def test_collections_hold_links_alone(alice, bob, vera, mallory, artifact, v1, collection, registry):
    with pytest.raises(errors.Conflict, match="log to another name"):
        begin(bob, collection, {"a": b"a"})
    with pytest.raises(errors.Conflict, match="not a collection"):
        links.link(Actor(bob), v1, artifact)
    with pytest.raises(errors.Conflict, match="finalize it first"):
        links.link(Actor(bob), begin(bob, artifact, {"a": b"a"}).version, collection)
    model = artifacts.create(Actor(bob), registry, "model", "model", kind="collection")
    with pytest.raises(errors.Conflict, match="is for the type model"):
        links.link(Actor(bob), v1, model)
    with pytest.raises(errors.Denied):
        links.link(Actor(vera), v1, collection)
    Membership.objects.create(team=registry.team, user=mallory, role=Role.EDITOR)
    with pytest.raises(errors.Missing):
        links.link(Actor(mallory), v1, collection)
    assert not collection.versions.exists()


def test_unlinking_leaves_the_version_and_its_files(bob, v1, v2, collection):
    link = links.link(Actor(bob), v1, collection)
    links.unlink(Actor(bob), link)

    assert (v1.files.count(), ArtifactVersion.objects.get(pk=v1.pk).state) == (1, "finalized")
    assert where(collection) == {}
    assert links.link(Actor(bob), v1, collection).version == "v1"
    with pytest.raises(errors.Conflict, match="no link"):
        links.unlink(Actor(bob), v2)
