"""One file in two calls, as curl does it: an address, then the registration of what was sent there."""

import pytest

from accounts.actor import Actor, Channel
from artifacts import draft_files, storage, versions
from artifacts.content import single_upload, uploads
from artifacts.draft_files import FileSpec
from artifacts.errors import BytesMismatch, PathTaken, VersionFinalized, VersionIncomplete
from artifacts.models import ArtifactFile, ArtifactVersion, Blob, StoredObject
from artifacts.storage import SignedPut
from core import errors
from tests.artifacts.client import MIB, at_once, begin, in_parts, log, md5, pack, put, send, sha256, single_file

ARTIFACTS = "/api/v1/artifacts"


@pytest.fixture
def draft(bob, artifact) -> ArtifactVersion:
    return versions.begin(Actor(bob), artifact).version


@pytest.fixture
def sent(bob, draft) -> StoredObject:
    """`b"body"` in the store, begun for a/x.txt and not registered yet."""
    obj = single_upload.begin(Actor(bob), draft, FileSpec("a/x.txt", 4))
    send(single_upload.sign_put(obj), b"body")
    return obj


def test_url_put_register_finalize(api, bob, draft, work):
    client, url = api(bob), f"{ARTIFACTS}/versions/{draft.pk}/files"
    answer = client.post(f"{url}/upload-url", {"path": "a/x.txt", "size": 4})
    assert answer.status_code == 200
    payload = answer.json()
    assert payload | {"expires_in": 3600, "method": "PUT", "storage_key": f"{draft.storage_path}/a/x.txt"} == payload
    send(SignedPut(payload["upload_url"], payload["headers"]), b"body")

    answer = client.post(
        url,
        {
            "path": "a/x.txt", "name": "x.txt", "size": 4, "mime_type": "text/own",
            "storage_key": payload["storage_key"], "sha256_hash": sha256(b"body"), "md5_hash": md5(b"body"),
        },
    )  # fmt: skip
    assert answer.status_code == 201
    file = answer.json()
    payload = {"version_id": str(draft.pk), "path": "a/x.txt", "name": "x.txt", "size": 4, "mime_type": "text/own"}
    payload |= {"sha256_hash": sha256(b"body"), "md5_hash": md5(b"body"), "integrity": "pending"}
    assert file | payload == file
    body = client.post(f"{ARTIFACTS}/versions/{draft.pk}/finalize").json()
    assert (body["state"], body["file_count"], body["total_size"]) == ("finalized", 1, 4)
    work()
    assert client.get(f"{ARTIFACTS}/versions/{draft.pk}").json()["integrity"] == "verified"


def test_a_url_that_is_still_open_cannot_change_a_version(bob, draft, sent, work):
    """It is bound to a size alone, and lives on for an hour."""
    url = single_upload.sign_put(sent)
    file = single_upload.register(Actor(bob), draft, FileSpec("a/x.txt", 4), sent.key)
    versions.finalize(Actor(bob, Channel.SDK), draft)
    send(url, b"evil")

    work()
    draft.refresh_from_db()
    assert draft.integrity == "verified"
    assert b"".join(storage.download_file(file.blob.object.key)) == b"body"


def test_a_url_that_is_bound_to_the_bytes_leads_straight_to_them(bob, draft):
    obj = single_upload.begin(Actor(bob), draft, FileSpec("a/x.txt", 4, sha256(b"body")))
    assert (obj.is_bound, obj.incoming_key) == (True, "")
    assert put(single_upload.sign_put(obj), b"evil").status in (400, 403)


def test_the_worker_finds_the_hashes_that_nobody_stated(bob, draft, sent, work):
    single_upload.register(Actor(bob), draft, FileSpec("a/x.txt", 4), sent.key)
    version = versions.finalize(Actor(bob, Channel.SDK), draft).version
    assert version.digest is None

    work()
    version.refresh_from_db()
    blob = version.files.get().blob
    assert (blob.sha256, blob.md5) == (sha256(b"body"), md5(b"body"))
    assert (version.integrity, version.digest is None) == ("verified", False)


def test_bytes_may_be_registered_under_another_path(bob, draft, sent):
    assert single_upload.register(Actor(bob), draft, FileSpec("b/y.txt", 4), sent.key).path == "b/y.txt"


def test_registering_twice_is_once(api, bob, draft, sent):
    body = {"path": "a/x.txt", "size": 4, "storage_key": sent.key}
    client, url = api(bob), f"{ARTIFACTS}/versions/{draft.pk}/files"

    assert client.post(url, body).json()["id"] == client.post(url, body).json()["id"]
    assert (ArtifactFile.objects.count(), Blob.objects.count()) == (1, 1)


def test_the_two_ways_of_uploading_can_be_mixed(bob, artifact, sent, draft):
    single_upload.register(Actor(bob), draft, FileSpec("a/x.txt", 4), sent.key)
    draft_files.add(Actor(bob), draft, [FileSpec("b", 1, sha256(b"b"))])
    [one] = uploads.begin(Actor(bob), draft, [single_file(b"b")])
    send(one.put, b"b")

    assert versions.finalize(Actor(bob, Channel.SDK), draft).version.file_count == 2


def test_an_object_of_the_other_way_can_be_registered(bob, artifact):
    """The address came from `uploads`, the registration by its key: no byte is lost between the two ways."""
    draft = begin(bob, artifact, {"a": b"aa", "b": b"b"}).version
    one, _ = uploads.begin(Actor(bob), draft, [single_file(b"aa"), single_file(b"b")])
    send(one.put, b"aa")
    single_upload.register(Actor(bob), draft, FileSpec("c", 2), one.object.key)

    assert set(draft.files.filter(path__in="ac").values_list("blob__state", flat=True)) == {"uploaded"}


def test_a_url_that_knows_the_hash_takes_only_those_bytes(bob, draft):
    obj = single_upload.begin(Actor(bob), draft, FileSpec("x", 4, sha256(b"body")))

    assert put(single_upload.sign_put(obj), b"bodY").status in (400, 403)
    assert send(single_upload.sign_put(obj), b"body") == md5(b"body")


def test_every_url_is_for_a_key_of_its_own(bob, draft):
    keys = [single_upload.begin(Actor(bob), draft, FileSpec("x", 4)).key for _ in range(3)]

    assert keys == [f"{draft.storage_path}/x", f"{draft.storage_path}/x~1", f"{draft.storage_path}/x~2"]


def test_nothing_was_sent(api, bob, draft):
    obj = single_upload.begin(Actor(bob), draft, FileSpec("x", 4))
    with pytest.raises(VersionIncomplete):
        single_upload.register(Actor(bob), draft, FileSpec("x", 4), obj.key)

    answer = api(bob).post(f"{ARTIFACTS}/versions/{draft.pk}/files", {"path": "x", "size": 4, "storage_key": obj.key})
    assert (answer.status_code, answer.json()["code"], answer.json()["paths"]) == (409, "VersionIncomplete", ["x"])


@pytest.mark.parametrize(
    "wrong",
    [{"size": 3}, {"size": 5}, {"size": 0}, {"md5_hash": md5(b"bodY")}],
)
def test_what_was_sent_is_not_what_is_stated(api, bob, draft, sent, wrong):
    body = {"path": "a/x.txt", "size": 4, "storage_key": sent.key} | wrong
    answer = api(bob).post(f"{ARTIFACTS}/versions/{draft.pk}/files", body)

    assert (answer.status_code, answer.json()["code"], answer.json()["paths"]) == (409, "BytesMismatch", ["a/x.txt"])
    assert ArtifactFile.objects.count() == 0


def test_another_hash_than_the_url_was_for(bob, draft):
    obj = single_upload.begin(Actor(bob), draft, FileSpec("x", 4, sha256(b"body")))
    send(single_upload.sign_put(obj), b"body")

    with pytest.raises(BytesMismatch):
        single_upload.register(Actor(bob), draft, FileSpec("x", 4, sha256(b"bodY")), obj.key)


def test_another_size_than_the_url_was_for(bob, draft, sent):
    storage.upload_file(sent.key, b"longer")

    with pytest.raises(BytesMismatch):
        single_upload.register(Actor(bob), draft, FileSpec("a/x.txt", 6), sent.key)


def test_a_wrong_sha256_is_detected_by_the_worker(bob, draft, sent, work):
    single_upload.register(Actor(bob), draft, FileSpec("a/x.txt", 4, sha256(b"bodY")), sent.key)
    version = versions.finalize(Actor(bob, Channel.SDK), draft).version
    work()
    version.refresh_from_db()

    assert version.integrity == "corrupt"


@pytest.mark.parametrize("key", ["", "x", "/etc/passwd", "../../x", "projects/x", "probes/x", "a" * 1401])
def test_a_key_that_was_not_given_out(api, bob, draft, key):
    answer = api(bob).post(f"{ARTIFACTS}/versions/{draft.pk}/files", {"path": "x", "size": 4, "storage_key": key})

    assert answer.status_code == 400
    assert ArtifactFile.objects.count() == 0


def test_a_key_of_another_project_version_or_artifact(api, alice, bob, mallory, artifact, foreign, draft):
    theirs = log(mallory, foreign, {"secret": b"secret"}).files.get().blob.object
    other_draft = versions.begin(Actor(alice), artifact).version
    others = single_upload.begin(Actor(alice), other_draft, FileSpec("x", 6))
    send(single_upload.sign_put(others), b"secret")

    for obj in (theirs, others):
        with pytest.raises(errors.Invalid):
            single_upload.register(Actor(bob), draft, FileSpec("stolen", 6), obj.key)
        body = {"path": "stolen", "size": 6, "storage_key": obj.key}
        assert api(bob).post(f"{ARTIFACTS}/versions/{draft.pk}/files", body).status_code == 400
    assert draft.files.count() == 0


def test_a_pack_or_an_upload_in_parts_is_no_file(bob, artifact):
    body = b"x" * (6 * MIB)
    draft = begin(bob, artifact, {"a": b"aa", "b": b"bb", "big": body}).version
    upload_request, whole = pack(b"aa", b"bb")
    packed, parts = uploads.begin(Actor(bob), draft, [upload_request, in_parts(body, 5 * MIB)])
    send(packed.put, whole)
    storage.upload_file(parts.object.key, body)

    for obj, size in ((packed.object, 4), (parts.object, len(body))):
        with pytest.raises(errors.Invalid):
            single_upload.register(Actor(bob), draft, FileSpec("c", size), obj.key)


def test_a_path_that_is_taken(api, bob, draft, sent):
    draft_files.add(Actor(bob), draft, [FileSpec("a/x.txt", 1, sha256(b"b"))])
    with pytest.raises(PathTaken):
        single_upload.register(Actor(bob), draft, FileSpec("a/x.txt", 4), sent.key)

    body = {"path": "a/x.txt", "size": 4, "storage_key": sent.key}
    answer = api(bob).post(f"{ARTIFACTS}/versions/{draft.pk}/files", body)
    assert (answer.status_code, answer.json()["code"]) == (409, "PathTaken")


def test_a_name_that_is_not_the_end_of_the_path(api, bob, draft, sent):
    body = {"path": "a/x.txt", "name": "y.txt", "size": 4, "storage_key": sent.key}

    assert api(bob).post(f"{ARTIFACTS}/versions/{draft.pk}/files", body).status_code == 400


@pytest.mark.parametrize(
    "wrong",
    [{"size": -1}, {"size": 2**63}, {"size": "x"}, {"size": 5 * 2**30 + 1}, {"sha256": "x"}, {"mime_type": "a\nb"}],
)
def test_odd_requests_for_a_url(api, bob, draft, wrong):
    body = {"path": "x", "size": 4} | wrong

    assert api(bob).post(f"{ARTIFACTS}/versions/{draft.pk}/files/upload-url", body).status_code == 400
    assert StoredObject.objects.count() == 0


def test_a_finalized_version_takes_nothing_that_was_sent_before(api, bob, draft, sent):
    versions.finalize(Actor(bob, Channel.SDK), draft)
    with pytest.raises(VersionFinalized):
        single_upload.register(Actor(bob), draft, FileSpec("a/x.txt", 4), sent.key)

    body = {"path": "a/x.txt", "size": 4, "storage_key": sent.key}
    answer = api(bob).post(f"{ARTIFACTS}/versions/{draft.pk}/files", body)
    assert (answer.status_code, answer.json()["code"]) == (409, "VersionFinalized")


def test_a_viewer_uploads_nothing(api, vera, bob, draft, v1, sent):
    for act in (
        lambda: single_upload.begin(Actor(vera), draft, FileSpec("x", 1)),
        lambda: single_upload.register(Actor(vera), draft, FileSpec("x", 4), sent.key),
    ):
        with pytest.raises(errors.Denied):
            act()
    client, url = api(vera), f"{ARTIFACTS}/versions/{v1.pk}/files"
    assert client.post(f"{url}/upload-url", {"path": "x", "size": 1}).status_code == 403
    assert client.post(url, {"path": "x", "size": 1, "storage_key": "k"}).status_code == 403


@pytest.mark.django_db(transaction=True)
def test_registering_at_once_is_once(bob, draft, sent):
    done = at_once(
        *[lambda: single_upload.register(Actor(bob), draft, FileSpec("a/x.txt", 4), sent.key) for _ in range(4)]
    )

    assert len({file.pk for file in done}) == 1
    assert (ArtifactFile.objects.count(), Blob.objects.count()) == (1, 1)


@pytest.mark.django_db(transaction=True)
def test_urls_requested_at_once_are_all_different(bob, draft):
    objects = at_once(*[lambda: single_upload.begin(Actor(bob), draft, FileSpec("x", 4)) for _ in range(6)])

    assert len({obj.key for obj in objects}) == 6
