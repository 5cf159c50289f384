"""What nobody needs goes, after the grace and not a moment before; what somebody asks for again stays."""

import threading

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from accounts.actor import Actor, Channel
from artifacts import artifacts, draft_files, storage, tasks, versions
from artifacts.content import deletions, downloads, garbage_collection, single_upload, uploads
from artifacts.models import ArtifactDownload, ArtifactVersion, Blob, StoredObject
from tests.artifacts.client import (
    MIB,
    at_once,
    begin,
    fetch,
    file_specs,
    fill,
    in_parts,
    log,
    send,
    single_file,
)

PAST_GRACE = {"hours": 3}


def clean() -> int:
    """What a worker does: rows first, then their bytes."""
    count = garbage_collection.delete_orphans()
    deletions.delete_due()
    return count


def keys(version: ArtifactVersion) -> list[str]:
    return [info.key for info in storage.list_files(version.storage_path)]


def test_bytes_go_after_the_grace_only(bob, artifact, v1, v2, age):
    versions.delete(Actor(bob, Channel.SDK), v1)
    assert clean() == 0
    assert keys(v1) != []

    age(**PAST_GRACE)
    assert clean() == 1
    assert keys(v1) == []
    assert keys(v2) != []
    assert (Blob.objects.count(), StoredObject.objects.count()) == (1, 1)


def test_cleaning_twice_is_once(bob, artifact, v1, age):
    versions.delete(Actor(bob, Channel.SDK), v1)
    age(**PAST_GRACE)

    assert (clean(), clean()) == (1, 0)


def test_what_is_needed_stays_however_old_it_is(bob, artifact, v1, v2, age):
    age(days=1000)
    tasks.run_gc()

    assert (keys(v1), keys(v2)) == ([f"{v1.storage_path}/one.txt"], [f"{v2.storage_path}/two.txt"])


def test_a_pack_stays_while_one_of_its_files_is_needed(bob, artifact, other, age):
    version = log(bob, artifact, {"a": b"a", "b": b"b"}, packed=True)
    shared = log(bob, other, {"b": b"b"})
    artifacts.delete(Actor(bob, Channel.SDK), artifact)
    age(**PAST_GRACE)
    assert clean() == 0

    versions.delete(Actor(bob, Channel.SDK), shared)
    age(**PAST_GRACE)
    assert clean() == 1
    assert keys(version) == []


def test_who_asks_for_the_bytes_before_the_sweep_saves_them(bob, artifact, other, v1, age):
    versions.delete(Actor(bob, Channel.SDK), v1)
    age(**PAST_GRACE)
    assert begin(bob, other, {"again": b"one"}).missing == []

    assert clean() == 0
    version = log(bob, other, {"again": b"one"})
    assert fetch(storage.get_download_url(version.files.get().blob.object.key)) == b"one"


def test_a_claim_alone_lasts_as_long_as_the_grace(bob, artifact, other, v1, age):
    """The draft that claimed them is given up: its claim counts from then on."""
    versions.delete(Actor(bob, Channel.SDK), v1)
    draft = begin(bob, other, {"again": b"one"}).version
    age(**PAST_GRACE)
    versions.delete(Actor(bob, Channel.SDK), draft)
    assert clean() == 0

    age(**PAST_GRACE)
    assert clean() == 1


def test_a_twin_that_was_merged_leaves_its_bytes_to_the_sweep(alice, bob, artifact, other, work, age):
    one = log(alice, artifact, {"a": b"same"}, packed=True)
    two = log(bob, other, {"b": b"same"})
    work()
    age(**PAST_GRACE)

    assert clean() == 1
    [obj] = StoredObject.objects.all()
    assert {version.files.get().blob.object for version in (one, two)} == {obj}
    assert fetch(storage.get_download_url(obj.key)) == b"same"


def test_an_upload_that_was_never_registered_goes_with_its_draft(bob, artifact, age):
    draft = versions.begin(Actor(bob), artifact).version
    obj = single_upload.begin(Actor(bob), draft, draft_files.FileSpec("x", 1))
    send(single_upload.sign_put(obj), b"x")
    age(**PAST_GRACE)
    assert clean() == 0

    versions.delete(Actor(bob, Channel.SDK), draft)
    assert clean() == 1
    assert keys(draft) == []


def test_a_draft_that_is_filled_slowly_loses_nothing(bob, artifact, age):
    draft = begin(bob, artifact, {"a": b"a", "b": b"b"}).version
    [one] = uploads.begin(Actor(bob), draft, [single_file(b"a")])
    send(one.put, b"a")
    age(days=2)
    tasks.run_gc()
    [two] = uploads.begin(Actor(bob), draft, [single_file(b"b")])
    send(two.put, b"b")

    assert versions.finalize(Actor(bob, Channel.SDK), draft).version.file_count == 2


def test_a_key_is_not_used_twice_even_after_a_sweep(bob, artifact, age):
    draft = fill(bob, artifact, {"a": b"first"})
    [first] = keys(draft)
    draft_files.remove(Actor(bob), draft.files.get())
    age(days=2)
    clean()
    draft_files.add(Actor(bob), draft, file_specs({"a": b"second"}))
    [second] = uploads.begin(Actor(bob), draft, [single_file(b"second")])

    assert second.object.key == f"{first}~1"


def test_an_upload_in_parts_is_given_up_with_its_draft(bob, artifact, age):
    body = b"x" * (6 * MIB)
    draft = begin(bob, artifact, {"big": body}).version
    uploads.begin(Actor(bob), draft, [in_parts(body, 5 * MIB)])
    assert len(list(storage.open_multiparts(draft.storage_path))) == 1

    age(days=8)
    tasks.run_gc()
    age(**PAST_GRACE)
    tasks.run_gc()
    assert list(storage.open_multiparts(draft.storage_path)) == []
    assert (Blob.objects.count(), StoredObject.objects.count()) == (0, 0)


def test_a_draft_that_nobody_touches_is_given_up(bob, artifact, v1, age):
    draft = fill(bob, artifact, {"a": b"a"})
    age(days=6)
    assert garbage_collection.expire_drafts() == 0

    age(days=2)
    assert garbage_collection.expire_drafts() == 1
    draft.refresh_from_db()
    assert (draft.state, draft.files.count()) == ("deleted", 0)
    assert ArtifactVersion.objects.get(pk=v1.pk).is_finalized
    assert begin(bob, artifact, {"a": b"a"}).version.version == "v3"


def test_whoever_touches_a_draft_keeps_it(bob, artifact, age):
    draft = begin(bob, artifact, {"a": b"a"}).version
    age(days=8)
    uploads.begin(Actor(bob), draft, [single_file(b"a")])

    assert garbage_collection.expire_drafts() == 0


def test_a_large_version_goes_in_batches(api, bob, artifact, other, v1, age, monkeypatch):
    """The first files with it, the others by workers; to people all of them are gone at once."""
    monkeypatch.setattr(garbage_collection, "_BATCH_SIZE", 3)
    contents = {f"{number:02}/file": b"%d" % number for number in range(11)}
    version = log(bob, other, contents, packed=True)
    assert version.folders.count() == 1
    versions.delete(Actor(bob, Channel.SDK), version)
    left = version.files.first()
    assert version.files.count() == 8
    assert api(bob).get(f"/api/v1/artifacts/versions/{version.pk}/files").status_code == 404
    assert api(bob).get(f"/api/v1/artifacts/files/{left.pk}/download-url").status_code == 404

    tasks.delete()
    assert (version.files.count(), version.folders.count()) == (0, 0)
    age(**PAST_GRACE)
    assert clean() == 1
    assert (keys(version), Blob.objects.count()) == ([], 1)


def test_a_large_draft_is_given_up_in_batches(bob, artifact, age, monkeypatch):
    monkeypatch.setattr(garbage_collection, "_BATCH_SIZE", 3)
    draft = fill(bob, artifact, {f"{number}": b"%d" % number for number in range(11)}, packed=True)
    age(days=8)
    tasks.run_gc()
    assert draft.files.count() == 0

    age(**PAST_GRACE)
    tasks.run_gc()
    assert (keys(draft), Blob.objects.count()) == ([], 0)


def test_queries_do_not_grow_with_files(bob, artifact, v1, age):
    counts = []
    for size in (30, 90):
        version = log(bob, artifact, {f"{number}": b"%d of %d" % (number, size) for number in range(size)}, packed=True)
        with CaptureQueriesContext(connection) as deleting:
            versions.delete(Actor(bob, Channel.SDK), version)
            garbage_collection.delete_remaining_files()
        age(**PAST_GRACE)
        with CaptureQueriesContext(connection) as cleaning:
            assert garbage_collection.delete_orphans() == 1
        counts.append((len(deleting), len(cleaning)))

    assert counts[0] == counts[1]


def test_downloads_of_a_deleted_version_stay_counted(bob, vera, artifact, v1):
    downloads.presigned_url(Actor(vera), v1.files.get())
    versions.delete(Actor(bob, Channel.SDK), v1)

    assert ArtifactDownload.objects.filter(version=v1).values_list("file", "user").get() == (None, vera.pk)


def test_blobs_that_never_had_bytes_go(bob, artifact, age):
    versions.delete(Actor(bob, Channel.SDK), begin(bob, artifact, {"a": b"never sent"}).version)
    clean()
    assert Blob.objects.count() == 1

    age(**PAST_GRACE)
    clean()
    assert Blob.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_a_sweep_lets_go_of_what_is_claimed_that_moment(bob, artifact, other, v1, age):
    versions.delete(Actor(bob, Channel.SDK), v1)
    age(**PAST_GRACE)
    claimed, swept = threading.Event(), threading.Event()

    def claim() -> versions.DraftResult:
        with transaction.atomic():
            begun = begin(bob, other, {"again": b"one"})
            claimed.set()
            # The sweep runs into the lock meanwhile, and cannot end before this transaction does.
            assert not swept.wait(1)
        return begun

    def sweep() -> int:
        claimed.wait(10)
        count = clean()
        swept.set()
        return count

    begun, count = at_once(claim, sweep)
    assert (begun.missing, count) == ([], 0)
    version = versions.finalize(Actor(bob, Channel.SDK), begun.version).version
    assert fetch(storage.get_download_url(version.files.get().blob.object.key)) == b"one"


@pytest.mark.django_db(transaction=True)
def test_claims_and_sweeps_at_once_never_lose_a_byte(bob, artifact, other, age):
    contents = {f"{number}": f"{number}".encode() for number in range(5)}
    for round in range(4):
        doomed = log(bob, artifact, contents | {"round": f"{round}".encode()})
        versions.delete(Actor(bob, Channel.SDK), doomed, delete_aliases=True)
        age(**PAST_GRACE)
        again = {f"{round}/{path}": body for path, body in contents.items()}
        version, *_ = at_once(
            lambda again=again: log(bob, other, again),
            clean,
            clean,
        )
        assert isinstance(version, ArtifactVersion), version
        for file in version.files.select_related("blob__object"):
            assert fetch(storage.get_download_url(file.blob.object.key)) == again[file.path]
        versions.delete(Actor(bob, Channel.SDK), version, delete_aliases=True)
