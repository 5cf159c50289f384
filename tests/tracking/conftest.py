"""A run, the object store, and a worker that works when the test says so."""

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from django.db.models import F

from accounts.actor import Actor
from artifacts import storage
from artifacts.content import deletions, reconciliation
from artifacts.models import PendingDeletion, StoredObject
from harness import servers
from projects import runs
from projects.models import Run
from tracking import compaction, files, garbage
from tracking.models import RunFile


@pytest.fixture(autouse=True)
def store() -> Iterator[servers.Server]:
    """The object store. A test may stop and start it; for the next one it is up again."""
    server = servers.store()
    yield server
    server.start()


@pytest.fixture
def run(project, bob) -> Run:
    return runs.start(Actor(bob), project)


@pytest.fixture
def stored(project) -> Callable[[], list[str]]:
    """The keys of all objects that the store has of the project."""
    return lambda: sorted(info.key for info in storage.list_files(f"projects/{project.pk}/"))


@pytest.fixture
def differences(project) -> Callable[[], tuple[list[str], list[str]]]:
    """What `reconcile` finds of the project: objects without a row, and rows without their object."""

    def compare() -> tuple[list[str], list[str]]:
        found = reconciliation.compare()
        # The bucket has objects of other tests too.
        return [key for key in found.unknown if str(project.pk) in key], found.missing

    return compare


@pytest.fixture
def work() -> Callable[[], None]:
    """The worker's turn: what a sweep would find left behind is done when this returns."""

    def drain() -> None:
        for run_id in compaction.runs_with_work():
            compaction.compact(run_id)

    return drain


@pytest.fixture
def collect_garbage() -> Callable[..., None]:
    """`collect_garbage(hours=3)`: what happened so far happened so much longer ago, and the collector comes by."""

    def collect(**span: int) -> None:
        by = timedelta(**span)
        StoredObject.objects.update(created_at=F("created_at") - by)
        RunFile.objects.update(begun_at=F("begun_at") - by)
        files.settle_uploads()
        garbage.delete_orphans()
        PendingDeletion.objects.update(
            created_at=F("created_at") - timedelta(days=1), next_attempt_at=F("next_attempt_at") - timedelta(days=1)
        )
        deletions.delete_due()

    return collect
