"""The store, an artifact with two versions, and workers that work when the test says so."""

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from django.db.models import F
from django.utils import timezone

from accounts.actor import Actor
from artifacts import artifacts
from artifacts.content import verification
from artifacts.models import Artifact, ArtifactVersion, Blob, PendingDeletion, StoredObject
from harness import servers
from projects.models import Project, Run
from tests.artifacts.client import log


@pytest.fixture(autouse=True)
def store() -> Iterator[servers.Server]:
    """The object store. A test may stop and start it; for the next one it is up again."""
    server = servers.store()
    yield server
    server.start()


@pytest.fixture
def artifact(alice, project) -> Artifact:
    return artifacts.create(Actor(alice), project, "data", "dataset")


@pytest.fixture
def v1(bob, artifact) -> ArtifactVersion:
    return log(bob, artifact, {"one.txt": b"one"})


@pytest.fixture
def v2(bob, artifact, v1) -> ArtifactVersion:
    return log(bob, artifact, {"two.txt": b"two"})


@pytest.fixture
def other(alice, project) -> Artifact:
    """Another artifact of the same project."""
    return artifacts.create(Actor(alice), project, "other", "model")


@pytest.fixture
def foreign(mallory) -> Artifact:
    """An artifact that only mallory sees."""
    project = Project.objects.create(team=mallory.personal_team, name="hers", created_by=mallory)
    return artifacts.create(Actor(mallory), project, "data", "dataset")


@pytest.fixture
def run(bob, project) -> Run:
    return Run.objects.create(project=project, name="brisk-otter-1", created_by=bob)


@pytest.fixture
def work() -> Callable[[], None]:
    """The workers' turn: what a sweep would find left behind is done when this returns."""

    def drain() -> None:
        now = timezone.now() + timedelta(seconds=1)
        for object_id in verification.pending_objects(now):
            verification.hash_object(object_id)
        for version_id in verification.pending_versions(now):
            verification.verify(version_id)

    return drain


@pytest.fixture
def age() -> Callable[..., None]:
    """`age(days=3)`: everything in the database happened so much longer ago."""

    def back(**span: int) -> None:
        by = timedelta(**span)
        for model, columns in {
            StoredObject: ["created_at"],
            Blob: ["created_at", "claimed_at"],
            PendingDeletion: ["created_at", "next_attempt_at"],
            ArtifactVersion: ["created_at", "touched_at", "finalized_at"],
        }.items():
            model.objects.update(**{column: F(column) - by for column in columns})

    return back
