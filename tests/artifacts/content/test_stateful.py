"""Whatever is logged, shared, deleted, collected and repacked in whatever order: each file reads as it was logged.

In the end the store has what live versions need, and nothing else.
"""

from collections.abc import Callable
from itertools import chain
from typing import NamedTuple

import pytest
from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from accounts.actor import Actor, Channel
from accounts.models import User
from artifacts import artifacts, storage, tasks, versions
from artifacts.content import compaction, downloads, extents, verification
from artifacts.draft_extents import Piece
from artifacts.draft_files import FileSpec
from artifacts.models import ArtifactVersion, Blob, StoredObject
from projects.models import Project
from tests.artifacts.client import digest_of, fetch, sha256, upload

# Of sizes by which any mistake of an offset shows.
PIECES = [bytes([97 + number]) * size for number, size in enumerate([1, 2, 3, 5, 8, 13, 21, 34])]


class Content(NamedTuple):
    """What a file consists of; where it is `cut`, its client states the pieces."""

    pieces: tuple[bytes, ...]
    cut: bool

    @property
    def body(self) -> bytes:
        return b"".join(self.pieces)

    @property
    def sent(self) -> list[bytes]:
        """What is sent of it where nothing is there yet."""
        return list(self.pieces) if self.is_composed else [self.body]

    @property
    def is_composed(self) -> bool:
        return self.cut and len(self.pieces) > 1

    def spec(self, path: str) -> FileSpec:
        pieces = tuple(Piece(sha256(piece), len(piece)) for piece in self.pieces) if self.is_composed else ()
        return FileSpec(path, len(self.body), sha256(self.body), extents=pieces)


Files = dict[str, Content]
CONTENTS = st.builds(Content, st.lists(st.sampled_from(PIECES), max_size=4).map(tuple), st.booleans())
FILES = st.dictionaries(st.sampled_from(["a", "b", "c/d", "c/e", "f"]), CONTENTS, min_size=2)
USERS = st.sampled_from(["alice", "bob"])


class RegistryMachine(RuleBasedStateMachine):
    """`self.files` has the files of each live version by its id."""

    alice: User
    bob: User
    project: Project
    work: Callable[[], None]
    age: Callable[..., None]

    def __init__(self) -> None:
        super().__init__()
        self.transaction = transaction.atomic()
        self.transaction.__enter__()
        self.artifacts = [artifacts.create(Actor(self.alice), self.project, name, "dataset") for name in ("x", "y")]
        self.files: dict[object, Files] = {}

    def teardown(self) -> None:
        try:
            self.settle()
        finally:
            transaction.set_rollback(True)
            self.transaction.__exit__(None, None, None)
            storage.delete_files(self.stored())

    # --- What people do ---

    @rule(user=USERS, number=st.integers(0, 1), files=FILES, packed=st.booleans())
    def log(self, user: str, number: int, files: Files, packed: bool) -> None:
        actor, version = self.fill(user, number, files, packed)
        self.files[versions.finalize(actor, version).version.pk] = files

    @precondition(lambda self: self.files)
    @rule(data=st.data(), user=USERS, packed=st.booleans(), changes=FILES, is_last=st.booleans())
    def log_a_variant(self, data: st.DataObject, user: str, packed: bool, changes: Files, is_last: bool) -> None:
        """Which may be all that is kept of it."""
        version = self.draw(data)
        number = [artifact.pk for artifact in self.artifacts].index(version.artifact_id)
        self.log(user, number, self.files[version.pk] | changes, packed)
        if is_last and ArtifactVersion.objects.exclude(pk=version.pk).filter(pk__in=self.files).exists():
            self.remove(version)

    @precondition(lambda self: self.files)
    @rule(data=st.data(), user=USERS)
    def share(self, data: st.DataObject, user: str) -> None:
        """Another artifact of the project gets the same bytes, at other paths."""
        version = self.draw(data)
        number = [artifact.pk for artifact in self.artifacts].index(version.artifact_id)
        files = {f"copies/{path}": content for path, content in self.files[version.pk].items()}
        self.log(user, 1 - number, files, packed=True)

    @rule(user=USERS, number=st.integers(0, 1), files=FILES, packed=st.booleans())
    def leave_a_draft(self, user: str, number: int, files: Files, packed: bool) -> None:
        self.fill(user, number, files, packed)

    @precondition(lambda self: self.files)
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        self.remove(self.draw(data))

    @precondition(lambda self: self.files)
    @rule(data=st.data())
    def download(self, data: st.DataObject) -> None:
        self.read(self.draw(data))

    # --- What workers do, and time ---

    @rule()
    def verify(self) -> None:
        self.work()

    @precondition(lambda self: self.files)
    @rule(data=st.data())
    def verify_one(self, data: st.DataObject) -> None:
        version = self.draw(data)
        verification.verify(str(version.pk))
        version.refresh_from_db()
        assert version.integrity == "verified"

    @rule()
    def collect(self) -> None:
        tasks.run_gc()

    @rule()
    def repack(self) -> None:
        compaction.repack()

    @rule(hours=st.sampled_from([1, 3, 24 * 8]))
    def wait(self, hours: int) -> None:
        self.age(hours=hours)

    @rule()
    def work_off(self) -> None:
        """What workers do in three hours."""
        self.verify()
        self.wait(3)
        self.collect()
        self.repack()

    # --- What holds ---

    def settle(self) -> None:
        """All that is due is done: everything is there that somebody needs, and nothing else."""
        self.wait(24 * 8)
        self.collect()
        self.work_off()
        self.download_all()
        self.work_off()
        assert self.stored() == dict(StoredObject.objects.filter(project=self.project).values_list("key", "size"))
        needed = [content for files in self.files.values() for content in files.values()]
        bodies = {*chain.from_iterable(content.sent for content in needed), *(content.body for content in needed)}
        blobs = Blob.objects.filter(project=self.project)
        assert set(blobs.values_list("sha256", flat=True)) <= set(map(sha256, bodies))
        # Each byte of the store is of one of them.
        assert sum(self.stored().values()) == sum(blobs.filter(extent_count=0).values_list("size", flat=True))
        assert blobs.values("sha256").distinct().count() == blobs.count()
        self.download_all()
        assert all(version.integrity == "verified" for version in ArtifactVersion.objects.filter(pk__in=self.files))

    def download_all(self) -> None:
        for version in ArtifactVersion.objects.filter(pk__in=self.files):
            self.read(version)

    def read(self, version: ArtifactVersion) -> None:
        """Through the server, and by a URL of each place."""
        expected = {path: content.body for path, content in self.files[version.pk].items()}
        rows = list(version.files.select_related("version", "blob__object"))
        assert {file.path: b"".join(downloads.content(file)) for file in rows} == expected
        for file in rows:
            places = extents.places(file.blob)
            parts = [fetch(storage.get_download_url(obj.key), offset, size) for obj, offset, size in places if size]
            assert b"".join(parts) == expected[file.path]

    def stored(self) -> dict[str, int]:
        """Size by key of what the store has of the project."""
        return {info.key: info.size for info in storage.list_files(f"projects/{self.project.pk}/")}

    # --- How ---

    def draw(self, data: st.DataObject) -> ArtifactVersion:
        """One of the live versions."""
        pks = list(self.files)
        return ArtifactVersion.objects.get(pk=pks[data.draw(st.integers(0, len(pks) - 1))])

    def remove(self, version: ArtifactVersion) -> None:
        versions.delete(Actor(self.bob, Channel.SDK), version, delete_aliases=True)
        del self.files[version.pk]

    def fill(self, user: str, number: int, files: Files, packed: bool) -> tuple[Actor, ArtifactVersion]:
        """A draft with all its bytes in the store, or the version that has these contents already."""
        person = getattr(self, user)
        actor = Actor(person, Channel.SDK)
        digest = digest_of({path: content.body for path, content in files.items()})
        specs = [content.spec(path) for path, content in files.items()]
        begun = versions.begin(actor, self.artifacts[number], digest=digest, specs=specs)
        bodies = {sha256(body): body for content in files.values() for body in content.sent}
        if begun.missing:
            upload(person, begun.version, [bodies[hash] for hash in begun.missing], packed=packed)
        return actor, begun.version


@pytest.mark.usefixtures("db")
def test_any_sequence_of_acts(alice, bob, project, work, age, monkeypatch):
    # Small packs, so that some are split; and what is not needed of one is given back, however little it is.
    monkeypatch.setattr(compaction, "_PACK_SIZE", 100)
    monkeypatch.setattr("django.conf.settings.REPACK_THRESHOLD", 0.01)
    own = {"alice": alice, "bob": bob, "project": project, "work": staticmethod(work), "age": staticmethod(age)}
    run_state_machine_as_test(
        type("Machine", (RegistryMachine,), own),
        settings=settings(
            max_examples=15,
            stateful_step_count=15,
            derandomize=True,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
