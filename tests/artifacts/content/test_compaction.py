"""Packs of which little is needed are rewritten: nothing that somebody needs is lost, and the rest is given back."""

from datetime import timedelta

import pytest
from django.core.management import call_command

from accounts.actor import Actor, Channel
from artifacts import storage, tasks, versions
from artifacts.content import compaction, deletions, downloads, garbage_collection, held_bytes, verification
from artifacts.models import ArtifactVersion, Blob, BlobHold, StoredObject
from projects.models import Project
from tests.artifacts.client import at_once, log

PAST_GRACE = {"hours": 3}


def collect() -> int:
    """What a worker does: rows first, then their bytes."""
    count = garbage_collection.delete_orphans()
    deletions.delete_due()
    return count


def contents(version: ArtifactVersion) -> dict[str, bytes]:
    files = version.files.select_related("version", "blob__object")
    return {file.path: b"".join(downloads.content(file)) for file in files}


def stored(project: Project) -> dict[str, int]:
    """Size by key of what the store has of the project."""
    return {info.key: info.size for info in storage.list_files(f"projects/{project.pk}/")}


@pytest.fixture
def shared(bob, artifact, other, work, age) -> ArtifactVersion:
    """A version that needs two files of a pack of ten: the version that brought it is gone, and its grace is over."""
    bodies = {f"{number}": b"%d" % number * 1000 for number in range(10)}
    brought = log(bob, artifact, bodies, packed=True)
    work()
    version = log(bob, other, {"three": bodies["3"], "seven": bodies["7"]})
    versions.delete(Actor(bob, Channel.SDK), brought)
    age(**PAST_GRACE)
    assert collect() == 0
    return version


def test_what_is_needed_moves_into_a_new_pack(bob, project, shared, age):
    before = contents(shared)
    [(former, size)] = stored(project).items()
    assert size == 10_000
    assert compaction.repack() == 8_000

    assert contents(shared) == before == {"three": b"3" * 1000, "seven": b"7" * 1000}
    [new] = StoredObject.objects.filter(blobs__files__version=shared).distinct()
    assert (new.key != former, new.size, new.state, new.kind) == (True, 2_000, "uploaded", "pack")
    assert compaction.repack() == 0
    # Who has an older manifest reads on until its URLs are not valid any more.
    assert collect() == 0
    assert stored(project) == {former: 10_000, new.key: 2_000}
    age(**PAST_GRACE)
    assert collect() == 1
    assert stored(project) == {new.key: 2_000}
    age(**PAST_GRACE)
    assert (collect(), contents(shared)) == (0, before)


def test_reconcile_says_what_can_be_given_back(shared, capsys):
    call_command("reconcile")
    assert (
        "8,000 bytes in 1 packs are not needed any more: workers rewrite each pack once 50%" in capsys.readouterr().err
    )

    compaction.repack()
    call_command("reconcile")
    assert "not needed" not in capsys.readouterr().err


def test_a_pack_that_is_mostly_needed_stays(bob, project, shared, settings):
    settings.REPACK_THRESHOLD = 0.9
    assert compaction.repack() == 0
    settings.REPACK_THRESHOLD = 0.8
    assert compaction.repack() == 8_000


def test_a_pack_that_is_needed_as_a_whole_is_never_rewritten(bob, artifact, work, age, settings):
    settings.REPACK_THRESHOLD = 0.0
    log(bob, artifact, {"a": b"a", "b": b"b"}, packed=True)
    work()
    age(**PAST_GRACE)

    assert compaction.repack() == 0


def test_what_was_claimed_lately_is_needed(bob, artifact, other, work, age):
    version = log(bob, artifact, {"a": b"a" * 10, "b": b"b"}, packed=True)
    log(bob, other, {"b": b"b"})
    work()
    age(**PAST_GRACE)
    versions.delete(Actor(bob, Channel.SDK), version)
    collect()

    assert compaction.repack() == 0


def test_small_remains_of_several_packs_share_a_new_one(bob, artifact, other, project, work, age):
    for number in range(3):
        brought = log(bob, artifact, {"kept": b"%d" % number * 10, "gone": b"gone %d" % number * 10}, packed=True)
        work()
        log(bob, other, {f"{number}": b"%d" % number * 10})
        versions.delete(Actor(bob, Channel.SDK), brought, delete_aliases=True)
    age(**PAST_GRACE)
    collect()
    compaction.repack()
    age(**PAST_GRACE)
    collect()

    assert list(stored(project).values()) == [30]
    for version in other.versions.all():
        [(path, body)] = contents(version).items()
        assert body == path.encode() * 10


def test_what_is_larger_than_a_pack_is_split(bob, artifact, other, project, work, age, monkeypatch):
    monkeypatch.setattr(compaction, "_PACK_SIZE", 25)
    bodies = {f"{number}": b"%d" % number * 10 for number in range(5)}
    brought = log(bob, artifact, bodies | {"gone": b"x" * 100}, packed=True)
    work()
    version = log(bob, other, bodies)
    versions.delete(Actor(bob, Channel.SDK), brought)
    age(**PAST_GRACE)
    collect()
    assert compaction.repack() == 100

    packs = StoredObject.objects.filter(blobs__files__version=version).distinct()
    assert sorted(pack.size for pack in packs) == [10, 20, 20]
    assert contents(version) == bodies


def test_held_bytes_move_too(bob, project, shared, age):
    blob = shared.files.get(path="three").blob
    BlobHold.objects.create(blob=blob)
    versions.delete(Actor(bob, Channel.SDK), shared)
    age(**PAST_GRACE)
    collect()
    assert compaction.repack() == 9_000

    blob = Blob.objects.select_related("object").get()
    assert b"".join(held_bytes.read(blob)) == b"3" * 1000


def test_a_pack_with_bytes_that_nobody_has_read_waits(bob, artifact, other, work, age):
    brought = log(bob, artifact, {"a": b"a", "b": b"b" * 10}, packed=True)
    log(bob, other, {"a": b"a"})
    versions.delete(Actor(bob, Channel.SDK), brought)
    age(**PAST_GRACE)
    collect()
    assert compaction.repack() == 0

    work()
    assert compaction.repack() == 10


def test_bytes_that_have_rotted_are_not_copied(bob, project, shared, work, caplog):
    """A worker reads them once more, and marks them as corrupt."""
    [(key, _)] = stored(project).items()
    storage.upload_file(key, b"!" * 10_000)
    assert compaction.repack() == 0
    assert "other bytes" in caplog.text

    work()
    verification.verify(str(shared.pk))
    shared.refresh_from_db()
    assert shared.integrity == "corrupt"
    assert compaction.repack() == 0


def test_a_pack_that_vanished_is_left_alone(project, shared, caplog):
    [(key, _)] = stored(project).items()
    storage.delete_file(key)

    assert compaction.repack() == 0
    assert "cannot be rewritten" in caplog.text


def test_copies_of_a_worker_that_died_are_garbage(bob, project, shared, age):
    key = f"projects/{project.pk}/packs/dead"
    StoredObject.objects.create(project=project, key=key, kind="pack", size=2_000)
    storage.upload_file(key, b"3" * 1000 + b"7" * 1000)
    assert collect() == 0
    age(**PAST_GRACE)
    assert collect() == 1
    assert list(stored(project).values()) == [10_000]
    tasks.repack()
    assert contents(shared) == {"three": b"3" * 1000, "seven": b"7" * 1000}


def test_packs_of_drafts_stay(bob, artifact, other, work, age):
    brought = log(bob, artifact, {"a": b"a", "b": b"b" * 10}, packed=True)
    work()
    log(bob, other, {"a": b"a"})
    versions.delete(Actor(bob, Channel.SDK), brought)
    age(**PAST_GRACE)
    collect()
    ArtifactVersion.objects.filter(pk=brought.pk).update(state="draft")

    assert list(compaction.measure(timedelta())) == []


@pytest.mark.django_db(transaction=True)
def test_many_workers_and_a_new_claim_at_once(bob, project, shared, artifact, age):
    done = at_once(
        compaction.repack,
        compaction.repack,
        collect,
        lambda: log(bob, artifact, {"again": b"3" * 1000}),
    )
    assert [one for one in done if isinstance(one, Exception)] == []
    assert contents(done[3]) == {"again": b"3" * 1000}
    assert contents(shared) == {"three": b"3" * 1000, "seven": b"7" * 1000}
    age(**PAST_GRACE)
    collect()
    assert sum(stored(project).values()) in (2_000, 4_000)
    rows = StoredObject.objects.values_list("key", "size")
    assert stored(project) == dict(rows)
