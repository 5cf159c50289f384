"""Addresses for what is missing: one PUT, parts, packs; asked again, they resume; others are refused."""

import os

import pytest

from accounts.actor import Actor, Channel
from artifacts import draft_files, storage, versions
from artifacts.content import arrivals, uploads
from artifacts.content.uploads import PackEntry, UploadRequest
from artifacts.errors import BytesMismatch, VersionFinalized, VersionIncomplete
from artifacts.models import ArtifactVersion, Blob, StoredObject
from core import errors
from tests.artifacts.client import (
    MIB,
    at_once,
    begin,
    fetch,
    file_specs,
    fill,
    in_parts,
    log,
    pack,
    parts_of,
    put,
    send,
    sha256,
    single_file,
    upload,
)

ARTIFACTS = "/api/v1/artifacts"
PART = 5 * MIB


@pytest.fixture(scope="session")
def big() -> bytes:
    """Two parts and a bit."""
    return os.urandom(2 * PART + 1000)


@pytest.fixture
def draft(bob, artifact) -> ArtifactVersion:
    return begin(bob, artifact, {"a/one.txt": b"one", "two.txt": b"two", "three.txt": b"three"}).version


def test_a_file_is_sent_in_one_put(bob, draft):
    [one] = uploads.begin(Actor(bob), draft, [single_file(b"one")])
    send(one.put, b"one")

    assert storage.get_file_info(f"{draft.storage_path}/a/one.txt").size == 3
    [again] = uploads.begin(Actor(bob), draft, [single_file(b"one")])
    assert (again.object, again.put, again.object.state) == (one.object, None, "uploaded")


def test_urls_come_in_the_order_of_the_request(bob, draft):
    bodies = [b"three", b"one", b"two"]
    requested = uploads.begin(Actor(bob), draft, [single_file(body) for body in bodies])

    assert [item.object.sha256 for item in requested] == [sha256(body) for body in bodies]
    for item, body in zip(requested, bodies, strict=True):
        send(item.put, body)


def test_asking_again_signs_the_same_object_again(bob, draft):
    [first] = uploads.begin(Actor(bob), draft, [single_file(b"one")])
    [second] = uploads.begin(Actor(bob), draft, [single_file(b"one")])

    assert first.object == second.object
    send(second.put, b"one")
    assert StoredObject.objects.count() == 1


def test_the_wire(api, bob, draft):
    upload_request = {"kind": "file", "sha256": sha256(b"one"), "size": 3}
    answer = api(bob).post(f"{ARTIFACTS}/versions/{draft.pk}/uploads", {"objects": [upload_request]})

    assert answer.status_code == 200
    body = answer.json()
    assert (body.keys(), body["expires_in"]) == ({"objects", "expires_in"}, 3600)
    [one] = body["objects"]
    payload = upload_request | {"state": "expected", "method": "PUT", "storage_key": f"{draft.storage_path}/a/one.txt"}
    assert one | payload == one
    send(storage.SignedPut(one["url"], one["headers"]), b"one")
    [one] = api(bob).post(f"{ARTIFACTS}/versions/{draft.pk}/uploads", {"objects": [upload_request]}).json()["objects"]
    assert (one["state"], one["url"]) == ("uploaded", None)


def test_a_pack_holds_many_files(bob, artifact, work):
    contents = {f"{number}.bin": os.urandom(number * 10) for number in range(6)}
    version = log(bob, artifact, contents, packed=True)

    [obj] = StoredObject.objects.all()
    assert obj.kind == "pack"
    assert obj.key.startswith(f"{version.storage_path}/.packs/")
    work()
    version.refresh_from_db()
    assert version.integrity == "verified"
    url = storage.get_download_url(obj.key)
    for file in version.files.select_related("blob"):
        assert fetch(url, file.blob.offset, file.size) == contents[file.path]


def test_members_of_a_pack_may_stand_in_any_order_with_gaps(bob, draft):
    whole = b"..three.one"
    upload_request = UploadRequest(
        "pack", sha256(whole), len(whole), members=(PackEntry(sha256(b"one"), 8), PackEntry(sha256(b"three"), 2))
    )
    [one] = uploads.begin(Actor(bob), draft, [upload_request])
    send(one.put, whole)
    upload(bob, draft, [b"two"])

    assert versions.finalize(Actor(bob, Channel.SDK), draft).version.is_finalized


def test_a_big_file_is_sent_in_parts(bob, artifact, big, work):
    draft = begin(bob, artifact, {"big": big}).version
    [one] = uploads.begin(Actor(bob), draft, [in_parts(big, PART)])

    assert [(part.number, part.offset, part.size) for part in one.parts] == [
        (1, 0, PART), (2, PART, PART), (3, 2 * PART, 1000),
    ]  # fmt: skip
    etags = {part.number: send(part.put, body) for part, body in zip(one.parts, parts_of(big, PART), strict=True)}
    done = versions.finalize(
        Actor(bob, Channel.SDK), draft, completed=[arrivals.CompletedUpload(str(one.object.pk), etags)]
    )
    assert done.version.is_finalized
    work()
    done.version.refresh_from_db()
    assert done.version.integrity == "verified"


def test_parts_that_arrived_are_not_sent_again(api, bob, artifact, big):
    draft = begin(bob, artifact, {"big": big}).version
    client, endpoint = api(bob), f"{ARTIFACTS}/versions/{draft.pk}/uploads"
    hashes = [sha256(part) for part in parts_of(big, PART)]
    upload_request = {"kind": "file", "sha256": sha256(big), "size": len(big), "part_size": PART, "parts": hashes}
    [first] = client.post(endpoint, {"objects": [upload_request]}).json()["objects"]
    middle = first["parts"][1]
    etag = send(storage.SignedPut(middle["url"], middle["headers"]), big[PART : 2 * PART])

    [again] = client.post(endpoint, {"objects": [upload_request]}).json()["objects"]
    assert (again["id"], again["upload_id"]) == (first["id"], first["upload_id"])
    assert [part["etag"] for part in again["parts"]] == [None, etag, None]
    for number in (0, 2):
        part = again["parts"][number]
        put_to = storage.SignedPut(part["url"], part["headers"])
        part["etag"] = send(put_to, big[part["offset"] : part["offset"] + part["size"]])
    payload = [{"number": part["number"], "etag": part["etag"]} for part in again["parts"]]
    done = client.post(
        f"{ARTIFACTS}/versions/{draft.pk}/finalize", {"uploads": [{"id": again["id"], "parts": payload}]}
    )
    assert (done.status_code, done.json()["state"]) == (200, "finalized")


def test_an_upload_in_parts_that_the_store_gave_up_is_opened_again(bob, artifact, big):
    draft = begin(bob, artifact, {"big": big}).version
    [one] = uploads.begin(Actor(bob), draft, [in_parts(big, PART)])
    send(one.parts[0].put, big[:PART])
    storage.abort_multipart(one.object.key, one.object.upload_id)

    [again] = uploads.begin(Actor(bob), draft, [in_parts(big, PART)])
    assert again.object.upload_id != one.object.upload_id
    etags = {part.number: send(part.put, body) for part, body in zip(again.parts, parts_of(big, PART), strict=True)}
    assert versions.finalize(
        Actor(bob, Channel.SDK), draft, completed=[arrivals.CompletedUpload(str(one.object.pk), etags)]
    ).created


def test_an_upload_in_parts_that_was_completed_by_a_try_before_is_fine(bob, artifact, big):
    draft = begin(bob, artifact, {"big": big, "small": b"small"}).version
    [one] = uploads.begin(Actor(bob), draft, [in_parts(big, PART)])
    etags = {part.number: send(part.put, body) for part, body in zip(one.parts, parts_of(big, PART), strict=True)}
    finished = [arrivals.CompletedUpload(str(one.object.pk), etags)]
    with pytest.raises(VersionIncomplete):
        versions.finalize(Actor(bob, Channel.SDK), draft, completed=finished)

    upload(bob, draft, [b"small"])
    assert versions.finalize(Actor(bob, Channel.SDK), draft, completed=finished).created


def test_a_file_can_be_sent_in_another_way_than_first_requested(bob, artifact, big):
    draft = begin(bob, artifact, {"big": big}).version
    uploads.begin(Actor(bob), draft, [in_parts(big, PART)])
    [one] = uploads.begin(Actor(bob), draft, [single_file(big)])
    send(one.put, big)

    assert versions.finalize(Actor(bob, Channel.SDK), draft).version.files.get().blob.object == one.object


def test_an_empty_file_is_a_file(bob, artifact, work):
    version = log(bob, artifact, {"empty": b"", "full": b"1"})
    work()
    version.refresh_from_db()

    assert (version.integrity, version.total_size) == ("verified", 1)


def test_keys_bear_the_path(bob, artifact):
    paths = ["ünï cödé/ä+b &=?#.txt", "a%2Fb", "%", "~x", " x "]
    version = log(bob, artifact, {path: path.encode() for path in paths})

    keys = {info.key for info in storage.list_files(version.storage_path)}
    assert keys == {f"{version.storage_path}/{path}" for path in paths}


def test_keys_too_long_or_among_the_packs_get_a_name_of_their_own(bob, artifact):
    version = log(bob, artifact, {"x" * 1024: b"1", ".packs/mine": b"2", "ä" * 500: b"3"})

    keys = {info.key for info in storage.list_files(version.storage_path)}
    assert len(keys) == 3
    assert all(key.startswith(f"{version.storage_path}/.packs/") and "mine" not in key for key in keys)


def test_a_key_is_never_used_twice(bob, draft):
    [first] = uploads.begin(Actor(bob), draft, [single_file(b"one")])
    draft_files.remove(Actor(bob), draft.files.get(path="a/one.txt"))
    draft_files.add(Actor(bob), draft, file_specs({"a/one.txt": b"new"}))
    [second] = uploads.begin(Actor(bob), draft, [single_file(b"new")])

    assert (first.object.key, second.object.key) == (
        f"{draft.storage_path}/a/one.txt", f"{draft.storage_path}/a/one.txt~1",
    )  # fmt: skip
    draft_files.remove(Actor(bob), draft.files.get(path="a/one.txt"))
    draft_files.add(Actor(bob), draft, file_specs({"a/one.txt": b"newer", "a/one.txt~2": b"a path like a key"}))
    keys = [
        item.object.key
        for item in uploads.begin(Actor(bob), draft, [single_file(b"newer"), single_file(b"a path like a key")])
    ]
    assert len({*keys, first.object.key, second.object.key}) == 4


@pytest.mark.parametrize("body", [b"onE", b"ones", b"on", b""])
def test_the_store_takes_no_other_bytes(bob, draft, body):
    [one] = uploads.begin(Actor(bob), draft, [single_file(b"one")])

    assert put(one.put, body).status in (400, 403, 411)
    assert storage.get_file_info(one.object.key) is None
    assert put(storage.SignedPut(one.put.url), b"one").status in (400, 403)


def test_the_store_takes_no_other_part(bob, artifact, big):
    draft = begin(bob, artifact, {"big": big}).version
    [one] = uploads.begin(Actor(bob), draft, [in_parts(big, PART)])

    assert put(one.parts[0].put, os.urandom(PART)).status in (400, 403)
    [again] = uploads.begin(Actor(bob), draft, [in_parts(big, PART)])
    assert [part.etag for part in again.parts] == [None, None, None]


def test_bytes_of_a_wrong_size_can_be_sent_anew(bob, draft):
    [one] = uploads.begin(Actor(bob), draft, [single_file(b"one")])
    storage.upload_file(one.object.key, b"too long")

    [again] = uploads.begin(Actor(bob), draft, [single_file(b"one")])
    assert (again.object.state, again.object) == ("expected", one.object)
    send(again.put, b"one")
    upload(bob, draft, [b"two", b"three"])
    assert versions.finalize(Actor(bob, Channel.SDK), draft).created


@pytest.mark.parametrize(
    "upload_request",
    [
        UploadRequest("file", "0" * 64, 3),
        UploadRequest("file", sha256(b"one"), 4),
        UploadRequest("file", sha256(b"one"), 2),
        UploadRequest("file", sha256(b"one"), 5 * 2**30 + 1),
        UploadRequest("file", sha256(b"one"), 5 * 2**40 + 1, 2**30, ("0" * 64,)),
        UploadRequest("file", sha256(b"one"), 3, 5 * MIB - 1, ("0" * 64,)),
        UploadRequest("file", sha256(b"one"), 3, 5 * 2**30 + 1, ("0" * 64,)),
        UploadRequest("file", sha256(b"one"), 3, 5 * MIB, ()),
        UploadRequest("file", sha256(b"one"), 3, 5 * MIB, ("0" * 64, "0" * 64)),
        UploadRequest("file", sha256(b"one"), 2**40, 5 * MIB, ("0" * 64,)),
        UploadRequest("pack", "0" * 64, 3),
        UploadRequest("pack", "0" * 64, 2, members=(PackEntry(sha256(b"one"), 0),)),
        UploadRequest("pack", "0" * 64, 4, members=(PackEntry(sha256(b"one"), 2),)),
        UploadRequest("pack", "0" * 64, 6, members=(PackEntry(sha256(b"one"), 0), PackEntry(sha256(b"two"), 2))),
        UploadRequest("pack", "0" * 64, 6, members=(PackEntry(sha256(b"one"), 0), PackEntry("0" * 64, 3))),
        UploadRequest("pack", "0" * 64, 3, 5 * MIB, ("0" * 64,), (PackEntry(sha256(b"one"), 0),)),
    ],
)
def test_what_makes_no_sense_is_refused(bob, draft, upload_request):
    with pytest.raises(errors.Invalid):
        uploads.begin(Actor(bob), draft, [single_file(b"two"), upload_request])

    assert StoredObject.objects.count() == 0
    assert set(draft.files.values_list("blob__object", flat=True)) == {None}


@pytest.mark.parametrize(
    "objects",
    [
        None, {}, "x", [7], [{}], [{"kind": "tar", "sha256": "0" * 64, "size": 1}], [{"kind": "file", "size": 1}],
        [{"kind": "file", "sha256": "0" * 64, "size": -1}], [{"kind": "file", "sha256": "0" * 64, "size": 2**63}],
        [{"kind": "file", "sha256": "0" * 64, "size": 1, "part_size": 0, "parts": []}],
        [{"kind": "file", "sha256": "0" * 64, "size": 1, "parts": ["x"]}],
        [{"kind": "pack", "sha256": "0" * 64, "size": 1, "members": [{"sha256": "0" * 64, "offset": -1}]}],
        [{"kind": "pack", "sha256": "0" * 64, "size": 1, "members": [{"sha256": "0" * 64}]}],
        [{"kind": "file", "sha256": "0" * 64, "size": 1}] * 1001,
        [{"kind": "pack", "sha256": "0" * 64, "size": 1}],
        [{"kind": "pack", "sha256": "0" * 64, "size": 1, "first": "a", "last": "b"}],
        [{"kind": "pack", "sha256": "0" * 64, "size": 1, "first": "a", "last": "b", "count": 0}],
        [{"kind": "pack", "sha256": "0" * 64, "size": 1, "first": "a", "last": "b", "count": 10_001}],
        [{"kind": "pack", "sha256": "0" * 64, "size": 1, "first": "a", "last": 7, "count": []}],
        [{"kind": "pack", "sha256": "0" * 64, "size": 1, "first": "b", "last": "a", "count": 1}],
        [{"kind": "file", "sha256": "0" * 64, "size": 1, "first": "a", "last": "b", "count": 1}],
        [
            {"kind": "pack", "sha256": "0" * 64, "size": 1, "first": "a", "last": "m", "count": 1},
            {"kind": "pack", "sha256": "1" * 64, "size": 1, "first": "m", "last": "z", "count": 1},
        ],
    ],
)  # fmt: skip
def test_odd_bodies_are_refused(api, bob, draft, objects):
    answer = api(bob).post(f"{ARTIFACTS}/versions/{draft.pk}/uploads", {"objects": objects})

    assert (answer.status_code, answer.json()["code"]) == (400, "Invalid")
    assert StoredObject.objects.count() == 0


def test_a_pack_has_bounded_members(bob, draft):
    members = tuple(PackEntry(sha256(b"one"), 3 * number) for number in range(10_001))

    with pytest.raises(errors.Invalid):
        uploads.begin(Actor(bob), draft, [UploadRequest("pack", "0" * 64, 30_003, members=members)])


def test_nothing_is_sent_to_a_finalized_version(bob, v1):
    with pytest.raises(VersionFinalized):
        uploads.begin(Actor(bob), v1, [single_file(b"one")])


def test_a_viewer_gets_no_url(api, vera, draft, v1):
    with pytest.raises(errors.Denied):
        uploads.begin(Actor(vera), draft, [single_file(b"one")])

    assert api(vera).post(f"{ARTIFACTS}/versions/{v1.pk}/uploads", {"objects": []}).status_code == 403


@pytest.mark.django_db(transaction=True)
def test_two_who_ask_at_once_get_the_same_object(bob, artifact, big):
    draft = begin(bob, artifact, {"big": big, "one": b"one"}).version
    upload_request = [in_parts(big, PART), single_file(b"one")]
    answers = at_once(*[lambda: uploads.begin(Actor(bob), draft, upload_request) for _ in range(4)])

    assert len({tuple(item.object.pk for item in answer) for answer in answers}) == 1
    assert len({answer[0].object.upload_id for answer in answers}) == 1
    [(_, upload_id)] = storage.open_multiparts(draft.storage_path)
    assert upload_id == answers[0][0].object.upload_id


@pytest.mark.django_db(transaction=True)
def test_the_same_bytes_from_two_drafts_at_once(alice, bob, artifact, other, work):
    at_once(lambda: log(alice, artifact, {"a": b"the same"}), lambda: log(bob, other, {"b": b"the same"}))
    work()

    assert set(Blob.objects.filter(files__isnull=False).values_list("state", flat=True)) == {"verified"}
    assert ArtifactVersion.objects.filter(integrity="verified").count() == 2


def test_wrong_sizes_are_reported_at_the_end(bob, draft):
    for item in uploads.begin(Actor(bob), draft, [single_file(b"one"), single_file(b"two")]):
        storage.upload_file(item.object.key, b"too long")
    with pytest.raises(BytesMismatch) as refusal:
        versions.finalize(Actor(bob, Channel.SDK), draft)

    assert sorted(refusal.value.extra["paths"]) == ["a/one.txt", "two.txt"]


def test_bytes_that_no_file_waits_for_do_not_stop_the_draft(bob, artifact):
    draft = fill(bob, artifact, {"a": b"a", "b": b"b"})
    draft_files.add(Actor(bob), draft, file_specs({"c": b"c"}))
    [gone] = uploads.begin(Actor(bob), draft, [single_file(b"c")])
    storage.upload_file(gone.object.key, b"of a wrong size")
    draft_files.remove(Actor(bob), draft.files.get(path="c"))
    draft.refresh_from_db()

    assert versions.finalize(Actor(bob, Channel.SDK), draft).version.file_count == 2


def test_a_pack_of_a_pack_is_distinguished_from_its_first(bob, draft):
    first, whole = pack(b"one", b"two")
    second, _ = pack(b"two", b"three")
    one, two = uploads.begin(Actor(bob), draft, [first, second])
    send(two.put, b"twothree")
    send(one.put, whole)

    assert versions.finalize(Actor(bob, Channel.SDK), draft).version.file_count == 3
