"""One big file as a browser sends it: in parts whose hashes nobody knows, each bound to its size."""

import random

import pytest

from accounts.actor import Actor, Channel
from artifacts import drafts, storage, versions
from artifacts.content import uploads
from artifacts.drafts import FileSpec
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
    return uploads.begin_single(Actor(user), draft, FileSpec(path, size), part_size=PART)


def send_all(place: StoredObject) -> dict[int, str]:
    return {
        part.number: send(part.put, body)
        for part, body in zip(uploads.sign_parts(place), parts_of(BODY, PART), strict=True)
    }


def test_addresses_parts_register_finalize(api, bob, draft, work):
    client, address = api(bob), f"{ARTIFACTS}/versions/{draft.pk}/files"
    told = client.post(f"{address}/upload-url", {"path": "big.bin", "size": len(BODY), "part_size": PART}).json()

    assert told | {"method": "PUT", "expires_in": 3600, "part_size": PART} == told
    assert "upload_url" not in told and told["upload_id"]
    assert [(part["number"], part["offset"], part["size"]) for part in told["parts"]] == [
        (1, 0, PART), (2, PART, PART), (3, 2 * PART, MIB),
    ]  # fmt: skip
    etags = [
        {"number": part["number"], "etag": send(SignedPut(part["url"], part["headers"]), body)}
        for part, body in zip(told["parts"], parts_of(BODY, PART), strict=True)
    ]
    body = {"path": "big.bin", "size": len(BODY), "storage_key": told["storage_key"], "parts": etags}
    answer = client.post(address, body)
    assert (answer.status_code, answer.json()["sha256_hash"]) == (201, None)
    assert client.post(address, body).json()["id"] == answer.json()["id"]

    work()
    file = client.get(address).json()["items"][0]
    assert (file["sha256_hash"], file["integrity"]) == (sha256(BODY), "verified")
    assert versions.finalize(Actor(bob, Channel.SDK), draft).version.integrity == "verified"


def test_fresh_addresses_tell_which_parts_arrived(api, bob, draft):
    place = begun(bob, draft)
    first = send(uploads.sign_parts(place)[0].put, BODY[:PART])

    body = {"path": "big.bin", "size": len(BODY), "part_size": PART, "storage_key": place.key}
    told = api(bob).post(f"{ARTIFACTS}/versions/{draft.pk}/files/upload-url", body).json()
    assert told["storage_key"] == place.key
    assert [part["etag"] for part in told["parts"]] == [first, None, None]
    assert StoredObject.objects.count() == 1


def test_a_single_put_can_be_begun_again_at_its_key(bob, draft):
    place = uploads.begin_single(Actor(bob), draft, FileSpec("x", 1))

    assert uploads.begin_single(Actor(bob), draft, FileSpec("x", 1), storage_key=place.key) == place


@pytest.mark.parametrize("wrong", [{"size": 1}, {"part_size": PART + 1}, {"part_size": None}, {"storage_key": "x"}])
def test_another_upload_than_the_key_is_of(api, bob, draft, wrong):
    body = {"path": "big.bin", "size": len(BODY), "part_size": PART, "storage_key": begun(bob, draft).key} | wrong

    assert api(bob).post(f"{ARTIFACTS}/versions/{draft.pk}/files/upload-url", body).status_code == 400


def test_a_part_takes_its_size_and_no_other(bob, draft):
    assert put(uploads.sign_parts(begun(bob, draft))[2].put, b"x").status == 403


@pytest.mark.parametrize("wrong", [{}, {"size": 0}, {"size": 5 * 2**40, "part_size": 5 * MIB}, {"part_size": MIB}])
def test_odd_parts(api, bob, draft, wrong):
    body = {"path": "x", "size": 5 * 2**30 + 1} | wrong
    expected = 200 if body["size"] == 0 else 400

    assert api(bob).post(f"{ARTIFACTS}/versions/{draft.pk}/files/upload-url", body).status_code == expected


def test_an_empty_file_is_one_empty_part(bob, draft):
    assert len(uploads.sign_parts(begun(bob, draft, size=0))) == 1


def test_every_part_is_stated(bob, draft):
    place = begun(bob, draft)
    etags = send_all(place)

    for wrong in ({}, {1: etags[1]}, etags | {4: "x"}):
        with pytest.raises(errors.Invalid):
            drafts.register_upload(Actor(bob), draft, FileSpec("big.bin", len(BODY)), place.key, wrong)
    with pytest.raises(BytesMismatch):
        drafts.register_upload(Actor(bob), draft, FileSpec("big.bin", len(BODY)), place.key, etags | {2: etags[1]})
    drafts.register_upload(Actor(bob), draft, FileSpec("big.bin", len(BODY)), place.key, etags)


def test_an_upload_that_was_given_up_is_not_there(bob, draft):
    place = begun(bob, draft)
    etags = send_all(place)
    storage.abort_multipart(place.key, place.upload_id)

    with pytest.raises(VersionIncomplete):
        drafts.register_upload(Actor(bob), draft, FileSpec("big.bin", len(BODY)), place.key, etags)


@pytest.mark.parametrize("path", ["a", "a/b", "a/b/c", "a/b/c/d"])
def test_a_taken_path_is_refused_before_the_bytes_are_sent(bob, draft, path):
    place = uploads.begin_single(Actor(bob), draft, FileSpec("a/b/c", 1))
    send(uploads.sign_one(place), b"x")
    drafts.register_upload(Actor(bob), draft, FileSpec("a/b/c", 1), place.key)

    with pytest.raises(PathTaken):
        uploads.begin_single(Actor(bob), draft, FileSpec(path, 1))
    assert uploads.begin_single(Actor(bob), draft, FileSpec("a/b/cd", 1)).pk


def test_others_begin_nothing(bob, vera, draft):
    with pytest.raises(errors.Denied):
        begun(vera, draft)
    versions.finalize(Actor(bob, Channel.SDK), draft)
    with pytest.raises(VersionFinalized):
        begun(bob, draft)
