"""Workers read back what was uploaded: hashes found, twins merged, what is corrupt told and kept from being shared."""

import os
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.actor import Actor, Channel
from artifacts import storage, tasks, versions
from artifacts.content import arrivals, single_upload, uploads, verification
from artifacts.draft_files import FileSpec
from artifacts.models import ArtifactVersion, Blob, StoredObject
from tests.artifacts.client import MIB, at_once, begin, fetch, fill, in_parts, log, md5, parts_of, send, sha256
from tests.artifacts.store_reads import counted_reads

PART = 5 * MIB


def overwrite(version: ArtifactVersion, path: str, body: bytes) -> None:
    """Put other bytes where those of the file lie, behind the registry's back."""
    storage.upload_file(version.files.get(path=path).blob.object.key, body)


def integrity(version: ArtifactVersion) -> str:
    version.refresh_from_db()
    return version.integrity


def test_before_the_worker_and_after(bob, artifact, work):
    version = log(bob, artifact, {"a": b"aa", "b": b"b"}, packed=True)
    assert integrity(version) == "pending"
    assert set(version.files.values_list("blob__state", "blob__md5")) == {("uploaded", None)}

    work()
    assert integrity(version) == "verified"
    assert set(version.files.values_list("blob__sha256", "blob__md5", "blob__state")) == {
        (sha256(body), md5(body), "verified") for body in (b"aa", b"b")
    }


def test_a_file_in_parts_is_read_back(bob, artifact, work):
    body = os.urandom(PART + 10)
    draft = begin(bob, artifact, {"big": body}).version
    [one] = uploads.begin(Actor(bob), draft, [in_parts(body, PART)])
    etags = {part.number: send(part.put, piece) for part, piece in zip(one.parts, parts_of(body, PART), strict=True)}
    version = versions.finalize(
        Actor(bob, Channel.SDK), draft, completed=[arrivals.CompletedUpload(str(one.object.pk), etags)]
    ).version
    assert version.integrity == "pending"

    work()
    assert (integrity(version), version.files.get().blob.md5) == ("verified", md5(body))


def test_a_pack_is_read_in_one_request(bob, artifact):
    version = log(bob, artifact, {f"{index}.txt": b"%d" % index * index for index in range(200)}, packed=True)
    with counted_reads() as reads:
        verification.verify(str(version.pk))

    assert integrity(version) == "verified"
    assert len(reads) == 1


def test_a_pack_that_vanished_is_asked_for_once(bob, artifact):
    version = log(bob, artifact, {f"{index}.txt": b"%d" % index for index in range(20)}, packed=True)
    storage.delete_file(version.files.first().blob.object.key)
    with counted_reads() as reads:
        verification.verify(str(version.pk))

    assert integrity(version) == "corrupt"
    assert len(reads) == 1


def test_queries_do_not_grow_with_files(alice, bob, artifact, other):
    """Not where all of them are new, and not where the project has all of them from somebody else."""
    counts = []
    for number in (3, 60):
        contents = {f"{number}/{index}.txt": b"%d of %d" % (index, number) for index in range(number)}
        for version in (log(alice, artifact, contents, packed=True), log(bob, other, contents, packed=True)):
            with CaptureQueriesContext(connection) as queries:
                verification.verify(str(version.pk))
            counts.append(len(queries))
            assert integrity(version) == "verified"

    assert counts[:2] == counts[2:]


def test_results_are_recorded_in_batches(bob, artifact, work, monkeypatch):
    monkeypatch.setattr(verification, "_BATCH_SIZE", 3)
    version = log(bob, artifact, {f"{index}.txt": b"%d" % index for index in range(10)}, packed=True)
    overwrite(version, "9.txt", b"012345678?")
    work()

    assert integrity(version) == "corrupt"
    assert list(version.files.filter(blob__state="verified").values_list("path", flat=True)) == [
        f"{index}.txt" for index in range(9)
    ]


def test_verifying_twice_is_once(bob, artifact, work):
    version = log(bob, artifact, {"a": b"aa"})
    tasks.verify(str(version.pk))
    before = list(Blob.objects.values())
    tasks.verify(str(version.pk))
    tasks.hash_object(str(version.files.get().blob.object_id))

    assert list(Blob.objects.values()) == before


@pytest.mark.parametrize("nobody", ["00000000-0000-0000-0000-000000000000"])
def test_work_for_what_is_gone_is_no_work(bob, artifact, v1, nobody):
    versions.delete(Actor(bob, Channel.SDK), v1)

    for gone in (nobody, str(v1.pk)):
        tasks.verify(gone)
        tasks.hash_object(gone)


@pytest.mark.parametrize("body", [b"evil", b"ev", b"good and more"])
def test_bytes_changed_after_they_arrived_are_detected(bob, artifact, other, work, body):
    version = log(bob, artifact, {"a": b"good", "b": b"fine"})
    overwrite(version, "a", body)
    assert integrity(version) == "verified"

    work()
    longer = body.startswith(b"good")
    # What stands behind the stated size is never given out: the bytes of the file are still right.
    assert integrity(version) == ("verified" if longer else "corrupt")
    assert version.files.get(path="b").blob.state == "verified"
    missing = begin(bob, other, {"c": b"good", "d": b"fine"}).missing
    assert missing == ([] if longer else [sha256(b"good")])


@pytest.mark.parametrize("body", [b"", b"aaa", b"aaab", b"aaabbbcc"])
def test_a_pack_cut_short_hurts_only_what_is_cut(bob, artifact, work, body):
    version = log(bob, artifact, {"a": b"aaa", "b": b"bbb", "c": b"ccc"}, packed=True)
    overwrite(version, "a", body)
    work()

    assert integrity(version) == "corrupt"
    for number, path in enumerate("abc"):
        whole = len(body) >= 3 * number + 3
        assert version.files.get(path=path).blob.state == ("verified" if whole else "corrupt"), path


def test_an_object_that_vanished_is_corrupt(bob, artifact, work):
    version = log(bob, artifact, {"a": b"aaa"})
    storage.delete_file(version.files.get().blob.object.key)
    work()

    assert integrity(version) == "corrupt"


def test_a_wrong_sha256_of_a_member_is_detected(bob, artifact, work):
    """The pack as a whole is what was stated, a member is not."""
    draft = versions.begin(
        Actor(bob), artifact, specs=[FileSpec("a", 3, sha256(b"abc")), FileSpec("b", 3, sha256(b"bbb"))]
    )
    whole = b"aaabbb"
    members = (uploads.PackEntry(sha256(b"abc"), 0), uploads.PackEntry(sha256(b"bbb"), 3))
    [one] = uploads.begin(Actor(bob), draft.version, [uploads.UploadRequest("pack", sha256(whole), 6, members=members)])
    send(one.put, whole)
    version = versions.finalize(Actor(bob, Channel.SDK), draft.version).version
    work()

    assert integrity(version) == "corrupt"
    assert version.files.get(path="b").blob.state == "verified"


def test_a_wrong_md5_is_detected(bob, artifact, work):
    stated = [FileSpec("a", 2, sha256(b"aa"), md5(b"other"))]
    draft = versions.begin(Actor(bob), artifact, specs=stated).version
    [one] = uploads.begin(Actor(bob), draft, [uploads.UploadRequest("file", sha256(b"aa"), 2)])
    send(one.put, b"aa")
    version = versions.finalize(Actor(bob, Channel.SDK), draft).version
    work()

    assert integrity(version) == "corrupt"


def test_what_is_corrupt_hurts_every_version_that_shares_it(bob, artifact, other, work):
    one = log(bob, artifact, {"a": b"shared", "b": b"b"}, packed=True)
    two = log(bob, other, {"c": b"shared"})
    overwrite(one, "a", b"SHAREDb")
    work()

    assert (integrity(one), integrity(two)) == ("corrupt", "corrupt")


def test_the_same_contents_logged_again_make_a_sound_version(bob, artifact, work):
    contents = {"a": b"good", "b": b"fine"}
    corrupt = log(bob, artifact, contents)
    overwrite(corrupt, "a", b"evil")
    work()
    sound = log(bob, artifact, contents)
    work()

    assert (sound.version, integrity(sound), integrity(corrupt)) == ("v2", "verified", "corrupt")
    obj = sound.files.get(path="a").blob.object
    assert fetch(storage.get_download_url(obj.key)) == b"good"
    assert sound.files.get(path="b").blob == corrupt.files.get(path="b").blob
    assert log(bob, artifact, contents) == sound


def test_a_draft_that_shares_corrupt_bytes_is_mended(bob, artifact, other, work):
    log(bob, artifact, {"a": b"good", "b": b"b"}, packed=True)
    draft = begin(bob, other, {"c": b"good", "d": b"d"}).version
    overwrite(ArtifactVersion.objects.get(artifact=artifact), "a", b"evilb")
    work()

    version = log(bob, other, {"c": b"good", "d": b"d"})
    assert version == draft
    work()
    assert integrity(version) == "verified"


def test_twins_are_merged(alice, bob, artifact, other, work):
    first = log(alice, artifact, {"a": b"same", "x": b"x"}, packed=True)
    second = log(bob, other, {"b": b"same", "y": b"y"}, packed=True)
    assert Blob.objects.filter(sha256=sha256(b"same")).count() == 2

    work()
    [blob] = Blob.objects.filter(sha256=sha256(b"same"))
    assert first.files.get(path="a").blob == second.files.get(path="b").blob == blob
    assert (integrity(first), integrity(second)) == ("verified", "verified")
    assert fetch(storage.get_download_url(blob.object.key), blob.offset, blob.size) == b"same"


def test_a_twin_that_nobody_hashed_is_merged_too(alice, bob, artifact, other, work):
    log(alice, artifact, {"a": b"same"})
    draft = versions.begin(Actor(bob), other).version
    obj = single_upload.begin(Actor(bob), draft, FileSpec("b", 4))
    send(single_upload.sign_put(obj), b"same")
    single_upload.register(Actor(bob), draft, FileSpec("b", 4), obj.key)
    work()

    assert [blob.state for blob in Blob.objects.all()] == ["verified"]
    assert draft.files.get().blob.sha256 == sha256(b"same")


def test_twins_that_nobody_hashed_before_are_merged_within_one_version(bob, artifact, work):
    draft = versions.begin(Actor(bob), artifact).version
    for path, body in {"a": b"same", "b": b"same", "c": b"else"}.items():
        obj = single_upload.begin(Actor(bob), draft, FileSpec(path, 4))
        send(single_upload.sign_put(obj), body)
        single_upload.register(Actor(bob), draft, FileSpec(path, 4), obj.key)
    version = versions.finalize(Actor(bob, Channel.SDK), draft).version
    work()

    assert integrity(version) == "verified"
    assert Blob.objects.count() == 2
    assert version.files.get(path="a").blob == version.files.get(path="b").blob


def test_the_same_bytes_of_two_projects_stay_two(bob, mallory, artifact, foreign, work):
    log(bob, artifact, {"a": b"same"})
    log(mallory, foreign, {"a": b"same"})
    work()

    assert Blob.objects.filter(sha256=sha256(b"same"), state="verified").count() == 2


def test_an_empty_file_in_a_pack_is_verified(bob, artifact, work):
    version = log(bob, artifact, {"empty": b"", "a": b"a"}, packed=True)
    work()

    assert integrity(version) == "verified"


def test_what_was_left_behind_is_picked_up_by_the_sweep(bob, artifact, age):
    before = timezone.now() - timedelta(minutes=2)
    finished = log(bob, artifact, {"a": b"aa", "b": b"b"}, packed=True)
    draft = fill(bob, artifact, {"c": b"cc", "d": b"d"}, packed=True)
    arrivals.collect(draft)
    assert (verification.pending_versions(before), verification.pending_objects(before)) == ([], [])

    age(hours=3)
    assert verification.pending_versions(before) == [str(finished.pk)]
    objects = StoredObject.objects.values_list("pk", flat=True)
    assert sorted(verification.pending_objects(before)) == sorted(str(obj) for obj in objects)
    tasks.sweep()


def test_finalizing_nudges_the_worker(bob, artifact, django_capture_on_commit_callbacks):
    draft = fill(bob, artifact, {"a": b"a"})
    with django_capture_on_commit_callbacks() as nudges:
        versions.finalize(Actor(bob, Channel.SDK), draft)

    assert len([nudge for nudge in nudges if str(draft.pk) in getattr(nudge, "args", ())]) == 1


@pytest.mark.django_db(transaction=True)
def test_many_workers_at_once(bob, alice, artifact, other):
    contents = {f"{number}": f"{number}".encode() for number in range(8)}
    first = log(alice, artifact, contents, packed=True)
    second = log(bob, other, contents, packed=True)
    done = at_once(*[lambda one=one: verification.verify(str(one.pk)) for one in (first, second, first, second)])

    assert done == [None] * 4
    for version in (first, second):
        verification.verify(str(version.pk))
        assert integrity(version) == "verified"
    assert Blob.objects.filter(files__isnull=False).distinct().count() == 8


@pytest.mark.django_db(transaction=True)
def test_sharing_bytes_while_twins_are_merged(alice, bob, artifact, other, project):
    contents = {f"{number}": f"{number}".encode() for number in range(8)}
    log(alice, artifact, contents, packed=True)
    second = log(bob, other, contents, packed=True)
    verification.verify(str(artifact.versions.get().pk))
    done = at_once(
        lambda: verification.verify(str(second.pk)),
        lambda: begin(bob, artifact, {f"again/{path}": body for path, body in contents.items()}),
        lambda: begin(bob, other, {f"again/{path}": body for path, body in contents.items()}),
    )

    assert [item for item in done if isinstance(item, Exception)] == []
    assert [begun.missing for begun in done[1:]] == [[], []]
    for begun in done[1:]:
        assert versions.finalize(Actor(bob, Channel.SDK), begun.version).version.file_count == 8
