"""A hierarchy of three labelled levels, the store, and workers that work when the test says so."""

import hashlib
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F
from django.utils import timezone

from accounts.actor import Actor
from accounts.models import User
from artifacts import artifacts
from artifacts.content import garbage_collection, verification
from artifacts.models import Artifact, ArtifactVersion, Blob, PendingDeletion, StoredObject
from harness import servers
from hierarchies import hierarchies, payloads, records
from hierarchies.models import Hierarchy, Record
from hierarchies.payloads import UploadSpec
from hierarchies.records import PayloadSpec, RecordSpec
from tests.artifacts.client import HTTP, log

LABELS = {"0": "experiment", "1": "model", "2": "predictions"}


@pytest.fixture(autouse=True)
def store() -> Iterator[servers.Server]:
    """The object store. A test may stop and start it; for the next one it is up again."""
    server = servers.store()
    yield server
    server.start()


@pytest.fixture
def hierarchy(alice, project) -> Hierarchy:
    return hierarchies.create(Actor(alice), project, "pipeline", level_labels=LABELS)


@pytest.fixture
def artifact(alice, project) -> Artifact:
    return artifacts.create(Actor(alice), project, "data", "dataset")


@pytest.fixture
def v1(bob, artifact) -> ArtifactVersion:
    return log(bob, artifact, {"one.txt": b"one"})


@pytest.fixture
def save(bob, hierarchy) -> Callable[..., Record]:
    """`save(parent, name="x")`: bob's record with this data, below the parent or as a root."""

    def create(parent: Record | None = None, **data: Any) -> Record:
        return records.create(Actor(bob), hierarchy, RecordSpec(data, parent_id=parent.pk if parent else None))

    return create


@pytest.fixture
def upload(hierarchy) -> Callable[..., PayloadSpec]:
    """`upload(bob, b"…", "/content")` sends the bytes, and says at which place of the data they are to be."""

    def send(user: User | None, body: bytes, pointer: str = "/content", **details: str) -> PayloadSpec:
        spec = UploadSpec(hashlib.sha256(body).hexdigest(), len(body))
        [begun] = payloads.begin_uploads(Actor(user), hierarchy, [spec])
        if begun.put:
            assert HTTP.request("PUT", begun.put.url, body=body, headers=begun.put.headers).status == 200
        return PayloadSpec(str(begun.id), pointer, **details)

    return send


@pytest.fixture
def work() -> Callable[[], None]:
    """The workers' turn: what a sweep would find left behind is done when this returns."""

    def drain() -> None:
        for object_id in verification.pending_objects(timezone.now() + timedelta(seconds=1)):
            verification.hash_object(object_id)

    return drain


@pytest.fixture
def collect_garbage() -> Callable[[], int]:
    """Everything happened a day ago, and then the workers delete what nobody needs; says how many objects that were."""

    def collect() -> int:
        by = timedelta(days=1)
        for model, columns in {
            StoredObject: ["created_at"],
            Blob: ["created_at", "claimed_at"],
            PendingDeletion: ["created_at", "next_attempt_at"],
        }.items():
            model.objects.update(**{column: F(column) - by for column in columns})
        return garbage_collection.delete_orphans()

    return collect
