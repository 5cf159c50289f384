"""One big file as a browser sends it: in parts whose hashes nobody knows, each bound to its size."""

import random

import pytest

from accounts.actor import Actor, Channel
from artifacts import storage, versions
from artifacts.content import single_upload
from artifacts.draft_files import FileSpec
from artifacts.errors import BytesMismatch, PathTaken, VersionFinalized, VersionIncomplete
from artifacts.models import ArtifactVersion, StoredObject
from artifacts.storage import SignedPut
from core import errors
from tests.artifacts.client import MIB, parts_of, put, send, sha256

ARTIFACTS = "/api/v1/artifacts"
PART = 5 * MIB
BODY = random.Random(7).randbytes(11 * MIB)


@pytest.fixture
def draft(bob, artifact) -> ArtifactVersion:
    return versions.begin(Actor(bob), artifact).version


def begun(user, draft, path: str = "big.bin", size: int = len(BODY)) -> StoredObject:
    return single_upload.begin(Actor(user), draft, FileSpec(path, size), part_size=PART)


def send_all(obj: StoredObject) -> dict[int, str]:
    return {
        part.number: send(part.put, body)
        for part, body in zip(single_upload.sign_parts(obj), parts_of(BODY, PART), strict=True)
    }


def test_urls_parts_register_finalize(api, bob, draft, work):
    client, url = api(bob), f"{ARTIFACTS}/versions/{draft.pk}/files"
    payload = client.post(f"{url}/upload-url", {"path": "big.bin", "size": len(BODY), "part_size": PART}).json()

    assert payload | {"method": "PUT", "expires_in": 3600, "part_size": PART} == payload
    assert "upload_url" not in payload and payload["upload_id"]
    assert [(part["number"], part["offset"], part["size"]) for part in payload["parts"]] == [
        (1, 0, PART), (2, PART, PART), (3, 2 * PART, MIB),
    ]  # fmt: skip
    etags = [
        {"number": part["number"], "etag": send(SignedPut(part["url"], part["headers"]), body)}
        for part, body in zip(payload["parts"], parts_of(BODY, PART), strict=True)
    ]
    body = {"path": "big.bin", "size": len(BODY), "storage_key": payload["storage_key"], "parts": etags}
    answer = client.post(url, body)
    assert (answer.status_code, answer.json()["sha256_hash"]) == (201, None)
    assert client.post(url, body).json()["id"] == answer.json()["id"]

    work()
    file = client.get(url).json()["items"][0]
    assert (file["sha256_hash"], file["integrity"]) == (sha256(BODY), "verified")
    assert versions.finalize(Actor(bob, Channel.SDK), draft).version.integrity == "verified"


def test_fresh_urls_list_which_parts_arrived(api, bob, draft):
    obj = begun(bob, draft)
    first = send(single_upload.sign_parts(obj)[0].put, BODY[:PART])

    body = {"path": "big.bin", "size": len(BODY), "part_size": PART, "storage_key": obj.key}
    payload = api(bob).post(f"{ARTIFACTS}/versions/{draft.pk}/files/upload-url", body).json()
    assert payload["storage_key"] == obj.key
    assert [part["etag"] for part in payload["parts"]] == [first, None, None]
    assert StoredObject.objects.count() == 1


def test_a_single_put_can_be_begun_again_at_its_key(bob, draft):
    obj = single_upload.begin(Actor(bob), draft, FileSpec("x", 1))

    assert single_upload.begin(Actor(bob), draft, FileSpec("x", 1), storage_key=obj.key) == obj


@pytest.mark.parametrize("wrong", [{"size": 1}, {"part_size": PART + 1}, {"part_size": None}, {"storage_key": "x"}])
def test_another_upload_than_the_key_is_of(api, bob, draft, wrong):
    body = {"path": "big.bin", "size": len(BODY), "part_size": PART, "storage_key": begun(bob, draft).key} | wrong

    assert api(bob).post(f"{ARTIFACTS}/versions/{draft.pk}/files/upload-url", body).status_code == 400


def test_a_part_takes_its_size_and_no_other(bob, draft):
    assert put(single_upload.sign_parts(begun(bob, draft))[2].put, b"x").status == 403


@pytest.mark.parametrize("wrong", [{}, {"size": 0}, {"size": 5 * 2**40, "part_size": 5 * MIB}, {"part_size": MIB}])
def test_odd_parts(api, bob, draft, wrong):
    body = {"path": "x", "size": 5 * 2**30 + 1} | wrong
    expected = 200 if body["size"] == 0 else 400

    assert api(bob).post(f"{ARTIFACTS}/versions/{draft.pk}/files/upload-url", body).status_code == expected


def test_an_empty_file_is_one_empty_part(bob, draft):
    assert len(single_upload.sign_parts(begun(bob, draft, size=0))) == 1


def test_every_part_is_stated(bob, draft):
    obj = begun(bob, draft)
    etags = send_all(obj)

    for wrong in ({}, {1: etags[1]}, etags | {4: "x"}):
        with pytest.raises(errors.Invalid):
            single_upload.register(Actor(bob), draft, FileSpec("big.bin", len(BODY)), obj.key, wrong)
    with pytest.raises(BytesMismatch):
        single_upload.register(Actor(bob), draft, FileSpec("big.bin", len(BODY)), obj.key, etags | {2: etags[1]})
    single_upload.register(Actor(bob), draft, FileSpec("big.bin", len(BODY)), obj.key, etags)


def test_an_upload_that_was_given_up_is_not_there(bob, draft):
    obj = begun(bob, draft)
    etags = send_all(obj)
    storage.abort_multipart(obj.key, obj.upload_id)

    with pytest.raises(VersionIncomplete):
        single_upload.register(Actor(bob), draft, FileSpec("big.bin", len(BODY)), obj.key, etags)


@pytest.mark.parametrize("path", ["a", "a/b", "a/b/c", "a/b/c/d"])
def test_a_taken_path_is_refused_before_the_bytes_are_sent(bob, draft, path):
    obj = single_upload.begin(Actor(bob), draft, FileSpec("a/b/c", 1))
    send(single_upload.sign_put(obj), b"x")
    single_upload.register(Actor(bob), draft, FileSpec("a/b/c", 1), obj.key)

    with pytest.raises(PathTaken):
        single_upload.begin(Actor(bob), draft, FileSpec(path, 1))
    assert single_upload.begin(Actor(bob), draft, FileSpec("a/b/cd", 1)).pk


def test_others_begin_nothing(bob, vera, draft):
    with pytest.raises(errors.Denied):
        begun(vera, draft)
    versions.finalize(Actor(bob, Channel.SDK), draft)
    with pytest.raises(VersionFinalized):
        begun(bob, draft)
