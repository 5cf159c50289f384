"""Packs that are stated by their first and last path: the server finds out what is in them, and where."""

import os
from itertools import groupby

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.actor import Actor, Channel
from artifacts import draft_files, storage, versions
from artifacts.content import packs, single_upload, uploads
from artifacts.content.packs import PathRange
from artifacts.content.uploads import UploadRequest
from artifacts.draft_files import FileSpec
from artifacts.errors import PackDiffers, VersionFinalized
from artifacts.models import Blob, StoredObject
from core import errors
from tests.artifacts.client import MIB, begin, digest_of, fetch, file_specs, put, send, sha256, single_file
from tests.artifacts.store_reads import counted_requests
from wanllmdb.sdk.transfer import hashes


def stated(files: dict[str, bytes], *paths: str) -> tuple[UploadRequest, bytes]:
    """A pack of the contents at these paths, which are in order, and its bytes."""
    whole = b"".join(files[path] for path in paths)
    return UploadRequest("pack", sha256(whole), len(whole), paths=PathRange(paths[0], paths[-1], len(paths))), whole


def test_all_packs_of_a_draft_are_stated_in_one_request(bob, artifact, work):
    files = {f"{folder}/{number}.bin": os.urandom(100 + number) for folder in "abc" for number in range(8)}
    draft = begin(bob, artifact, files).version
    requests = [stated(files, *group) for _, group in groupby(sorted(files), key=lambda path: path[0])]

    targets = uploads.begin(Actor(bob), draft, [request for request, _ in requests])
    for target, (_, whole) in zip(targets, requests, strict=True):
        send(target.put, whole)
    version = versions.finalize(Actor(bob, Channel.SDK), draft, digest=digest_of(files)).version
    work()
    version.refresh_from_db()
    assert version.integrity == "verified"
    assert StoredObject.objects.count() == 3
    for file in version.files.select_related("blob__object"):
        url = storage.get_download_url(file.blob.object.key)
        assert fetch(url, file.blob.offset, file.size) == files[file.path]


def test_a_content_lies_at_its_first_path_and_only_what_is_small_and_awaited_is_in_a_pack(bob, artifact, work):
    files = {"b": b"shared", "c": b"c", "d": bytes(MIB), "e": b"", "é": b"last", "a": b"first", "z": b"shared"}
    draft = begin(bob, artifact, files).version
    [one] = uploads.begin(Actor(bob), draft, [single_file(b"c")])
    send(one.put, b"c")
    large, (request, whole) = single_file(files["d"]), stated(files, "a", "b", "e", "é")
    # The first has not been recorded: it is found here.
    targets = uploads.begin(Actor(bob), draft, [request, large])
    for target, body in zip(targets, (whole, files["d"]), strict=True):
        send(target.put, body)

    version = versions.finalize(Actor(bob, Channel.SDK), draft).version
    work()
    version.refresh_from_db()
    assert version.integrity == "verified"
    offsets = {file.path: file.blob.offset for file in version.files.select_related("blob")}
    assert [offsets[path] for path in "abez"] == [0, 5, 11, 5]


def test_a_pack_that_is_stated_again_is_the_same_object_and_known_to_have_arrived(bob, artifact):
    files = {name: os.urandom(50) for name in "abcd"}
    draft = begin(bob, artifact, files).version
    first, whole = stated(files, "a", "b")
    second, _ = stated(files, "c", "d")

    before = uploads.begin(Actor(bob), draft, [first, second])
    with CaptureQueriesContext(connection) as queries:
        assert [one.object for one in uploads.begin(Actor(bob), draft, [first, second])] == [
            one.object for one in before
        ]
    assert not [query for query in queries if query["sql"].startswith('UPDATE "artifacts_blob"')]
    send(before[0].put, whole)
    arrived, waiting = uploads.begin(Actor(bob), draft, [first, second])
    assert (arrived.object, arrived.object.state, arrived.put) == (before[0].object, "uploaded", None)
    assert (waiting.object, waiting.object.state) == (before[1].object, "expected")


@pytest.mark.parametrize(
    "paths", [("a", "b"), ("a", "b", "c", "d"), ("b", "c"), ("x", "y")], ids=["fewer", "more", "others", "none"]
)
def test_a_pack_of_other_contents_than_the_draft_waits_for_is_refused(api, bob, artifact, paths):
    files = {name: os.urandom(50 + number) for number, name in enumerate("abcdxy")}
    draft = begin(bob, artifact, {name: files[name] for name in "abc"}).version
    request, _ = stated(files, *paths)
    request = UploadRequest("pack", request.sha256, request.size, paths=PathRange("a", "c", len(paths)))
    body = {"kind": "pack", "sha256": request.sha256, "size": request.size}
    body |= {"first": "a", "last": "c", "count": len(paths)}
    answer = api(bob).post(f"/api/v1/artifacts/versions/{draft.pk}/uploads", {"objects": [body]})

    assert (answer.status_code, answer.json()["code"]) == (409, "PackDiffers")
    assert "waits for 3 small contents of 153 bytes" in answer.json()["detail"]
    with pytest.raises(PackDiffers):
        uploads.begin(Actor(bob), draft, [single_file(files["a"]), request])
    assert not StoredObject.objects.exists()


def test_of_overlapping_packs_none_is_handed_out(bob, artifact):
    files = {name: os.urandom(50) for name in "abc"}
    draft = begin(bob, artifact, files).version

    for others in (("b", "c"), ("c",)):
        with pytest.raises(errors.Invalid):
            uploads.begin(Actor(bob), draft, [stated(files, "a", "b", "c")[0], stated(files, *others)[0]])
    assert not StoredObject.objects.exists()


def test_the_first_path_is_one_that_another_user_sent_before(alice, bob, artifact, work):
    """Bytes that are not verified are shared with nobody, so the draft has this content and waits for it."""
    draft = versions.begin(Actor(bob), artifact, specs=file_specs({"m": b"of bob"})).version
    spec = FileSpec("a", 6, sha256(b"shared"))
    obj = single_upload.begin(Actor(alice), draft, spec)
    put(single_upload.sign_put(obj), b"shared")
    single_upload.register(Actor(alice), draft, spec, obj.key)
    Blob.objects.filter(object=obj).update(state=Blob.State.UPLOADED)
    draft_files.add(Actor(bob), draft, file_specs({"z": b"shared"}))

    request, whole = stated({"a": b"shared", "m": b"of bob"}, "a", "m")
    [target] = uploads.begin(Actor(bob), draft, [request])
    send(target.put, whole)
    draft.refresh_from_db()
    version = versions.finalize(Actor(bob, Channel.SDK), draft).version
    work()
    version.refresh_from_db()
    assert version.integrity == "verified"


def test_packs_that_are_stated_later_have_neither_what_came_before_nor_what_follows(bob, artifact, work):
    files = {"a": b"first", "b": b"other", "c": b"first", "d": b"last", "e": b"other"}
    draft = begin(bob, artifact, files).version

    for paths in (("d",), ("a", "b")):
        request, whole = stated(files, *paths)
        [target] = uploads.begin(Actor(bob), draft, [request])
        send(target.put, whole)
    with pytest.raises(PackDiffers, match="waits for 0 small contents"):
        uploads.begin(Actor(bob), draft, [stated(files, "c")[0]])
    version = versions.finalize(Actor(bob, Channel.SDK), draft, digest=digest_of(files)).version
    work()
    version.refresh_from_db()
    assert version.integrity == "verified"


def test_the_store_is_asked_what_has_arrived_only_where_a_pack_was_requested_before(bob, artifact):
    files = {name: os.urandom(50) for name in "abcd"}
    draft = begin(bob, artifact, files).version
    with counted_requests("ListObjectsV2") as listings:
        for paths in (("a", "b"), ("c", "d")):
            uploads.begin(Actor(bob), draft, [stated(files, *paths)[0]])
        assert listings == []
        uploads.begin(Actor(bob), draft, [stated(files, "a", "b")[0]])
        assert listings == [1]


def test_nothing_of_a_finalized_version_is_stated(bob, artifact, v1):
    with pytest.raises(VersionFinalized):
        uploads.begin(Actor(bob), v1, [stated({"a": b"1"}, "a")[0]])


def test_contents_are_pointed_at_their_objects_in_bounded_transactions(bob, artifact, monkeypatch):
    files = {f"{number:03}": os.urandom(30) for number in range(90)}
    draft = begin(bob, artifact, files).version
    paths = sorted(files)
    requests = [stated(files, *paths[start : start + 10])[0] for start in range(0, 90, 10)]
    with CaptureQueriesContext(connection) as together:
        uploads.begin(Actor(bob), draft, requests)
    offsets = set(Blob.objects.values_list("sha256", "offset"))

    def begin_apart(size):
        Blob.objects.update(object=None, offset=0)
        StoredObject.objects.all().delete()
        monkeypatch.setattr(uploads, "_BATCH_SIZE", size)
        with CaptureQueriesContext(connection) as queries:
            targets = uploads.begin(Actor(bob), draft, requests)
        assert [target.object.sha256 for target in targets] == [request.sha256 for request in requests]
        assert set(Blob.objects.values_list("sha256", "offset")) == offsets
        assert StoredObject.objects.count() == 9
        return queries

    def pointed(queries):
        return sum(query["sql"].startswith('UPDATE "artifacts_artifactversion"') for query in queries)

    # Two packs of ten each, and three parts of each pack.
    assert [pointed(together), pointed(begin_apart(20)), pointed(begin_apart(4))] == [1, 5, 27]


def test_the_number_of_queries_does_not_grow_with_the_files(bob, artifact):
    counts = []
    # The first one also asks what this process has not asked yet.
    for name, size in (("first", 1), ("few", 5), ("many", 2_000)):
        files = {f"{name}/{number:05}": f"{name} {number}".encode() for number in range(size)}
        draft = begin(bob, artifact, files).version
        request, _ = stated(files, *sorted(files))
        with CaptureQueriesContext(connection) as queries:
            uploads.begin(Actor(bob), draft, [request])
        counts.append(len(queries))
    assert counts[1] == counts[2]


def test_both_sides_pack_the_same_files():
    assert hashes.PACK_BELOW == packs.PACK_BELOW
