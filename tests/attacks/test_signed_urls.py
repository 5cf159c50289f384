"""Whoever holds a signed URL tries everything with it, on a store that checks what it is sent and on one that does not.

Whatever the store answers: the bytes of a verified version stay what they were, and nothing of the attack remains.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial

import pytest
from django.core.cache import cache
from django.utils import timezone

from accounts.actor import Actor, Channel
from accounts.models import User
from artifacts import storage, store_connection, tasks, versions
from artifacts.content import arrivals, deletions, incoming, manifests, reconciliation, single_upload, uploads
from artifacts.draft_files import FileSpec
from artifacts.models import Artifact, ArtifactVersion, Blob, PendingDeletion, StoredObject
from artifacts.storage import SignedPut
from harness import servers
from tests.artifacts.client import (
    MIB,
    at_once,
    begin,
    fetch,
    in_parts,
    log,
    pack,
    parts_of,
    send,
    sha256,
    single_file,
    with_store_options,
)
from tests.attacks.url_tricks import HTTP, Trick, attempt, tricks

PART = 5 * MIB
BIG = bytes(range(256)) * (6 * MIB // 256)


@pytest.fixture(params=["checks", "checks nothing"])
def checks(request, db, store, settings) -> Iterator[bool]:
    """Whether the store of this test checks what signed URLs say. With its bucket empty of what others left there."""
    checks = request.param == "checks"
    if not checks:
        url = servers.unchecking_store().url
        settings.STORAGES = with_store_options(endpoint_url=url)
        settings.S3_PUBLIC_ENDPOINT_URL = url
    store_connection.public.cache_clear()
    store_connection.with_short_timeouts.cache_clear()
    cache.clear()
    storage.ensure_bucket()
    reconciliation.delete_unknown(reconciliation.compare())
    yield checks
    store_connection.public.cache_clear()
    store_connection.with_short_timeouts.cache_clear()
    cache.clear()


@dataclass
class Target:
    """A version, what it holds, and every URL that was signed for it, with the body that it was signed for."""

    version: ArtifactVersion
    contents: dict[str, bytes]
    signed: list[tuple[SignedPut, bytes]] = field(default_factory=list)

    def send_all(self) -> list[str]:
        return [send(signed, body) for signed, body in self.signed]

    def objects(self) -> list[storage.ObjectInfo | None]:
        """What the store says of the objects that the version's files are in now."""
        keys = self.version.files.order_by("path").values_list("blob__object__key", flat=True)
        return [storage.get_file_info(key) for key in dict.fromkeys(keys)]

    def read(self, user: User) -> dict[str, bytes]:
        """All files, as somebody gets them who has nothing but the manifest."""
        page = manifests.page(Actor(user, Channel.SDK), self.version, limit=manifests.MAX_ROWS)
        return {row.path: fetch(page.objects[row.object_id].url, row.offset, row.size) for row in page.rows}


def file_alone(user: User, artifact: Artifact) -> Target:
    target = Target(begin(user, artifact, {"a": b"good bytes"}).version, {"a": b"good bytes"})
    [one] = uploads.begin(Actor(user), target.version, [single_file(b"good bytes")])
    target.signed = [(one.put, b"good bytes")]
    target.send_all()
    versions.finalize(Actor(user, Channel.SDK), target.version)
    return target


def files_in_a_pack(user: User, artifact: Artifact) -> Target:
    contents = {"a": b"good bytes", "b": b"more good bytes", "empty": b""}
    target = Target(begin(user, artifact, contents).version, contents)
    request, whole = pack(*contents.values())
    [one] = uploads.begin(Actor(user), target.version, [request])
    target.signed = [(one.put, whole)]
    target.send_all()
    versions.finalize(Actor(user, Channel.SDK), target.version)
    return target


def file_in_parts(user: User, artifact: Artifact) -> Target:
    target = Target(begin(user, artifact, {"big": BIG}).version, {"big": BIG})
    [one] = uploads.begin(Actor(user), target.version, [in_parts(BIG, PART)])
    target.signed = [(part.put, body) for part, body in zip(one.parts, parts_of(BIG, PART), strict=True)]
    completed = arrivals.CompletedUpload(str(one.object.pk), dict(enumerate(target.send_all(), 1)))
    versions.finalize(Actor(user, Channel.SDK), target.version, completed=[completed])
    return target


def file_of_unknown_hash(user: User, artifact: Artifact, hashed: bool = False) -> Target:
    target = Target(versions.begin(Actor(user), artifact).version, {"a": b"good bytes"})
    spec = FileSpec("a", 10, sha256(b"good bytes") if hashed else None)
    obj = single_upload.begin(Actor(user), target.version, spec)
    target.signed = [(single_upload.sign_put(obj), b"good bytes")]
    target.send_all()
    single_upload.register(Actor(user), target.version, spec, obj.key)
    versions.finalize(Actor(user, Channel.SDK), target.version)
    return target


def file_of_unknown_hash_in_parts(user: User, artifact: Artifact) -> Target:
    target = Target(versions.begin(Actor(user), artifact).version, {"big": BIG})
    spec = FileSpec("big", len(BIG))
    obj = single_upload.begin(Actor(user), target.version, spec, part_size=PART)
    bodies = parts_of(BIG, PART)
    target.signed = [(part.put, body) for part, body in zip(single_upload.sign_parts(obj), bodies, strict=True)]
    single_upload.register(Actor(user), target.version, spec, obj.key, dict(enumerate(target.send_all(), 1)))
    versions.finalize(Actor(user, Channel.SDK), target.version)
    return target


WAYS: dict[str, Callable[[User, Artifact], Target]] = {
    "a file": file_alone,
    "a pack": files_in_a_pack,
    "parts": file_in_parts,
    "a file by itself": file_of_unknown_hash,
    "a file by itself with its hash": partial(file_of_unknown_hash, hashed=True),
    "a file by itself in parts": file_of_unknown_hash_in_parts,
}


def assert_nothing_remains(age: Callable[..., None]) -> None:
    """When the URLs have expired and workers have cleaned up, the store holds what rows claim, and nothing else."""
    age(hours=3)
    tasks.run_gc()
    assert reconciliation.compare().unknown == []
    assert reconciliation.compare().missing == []
    assert PendingDeletion.objects.count() == 0


def test_the_store_is_tried_and_not_believed(checks):
    before = list(storage.list_files("probes/"))
    # A store that is too busy to be tried is not believed, and tried again.
    assert any(storage.enforces_checksums() is checks for _ in range(20))
    assert list(storage.list_files("probes/")) == before


def test_a_store_that_cannot_be_tried_is_not_believed_and_tried_again(checks, settings):
    if not checks:
        assert not storage.enforces_checksums()
        return
    settings.STORAGES = with_store_options(endpoint_url=f"http://127.0.0.1:{servers.free_port()}")
    store_connection.with_short_timeouts.cache_clear()
    assert not storage.enforces_checksums()

    settings.STORAGES = with_store_options(endpoint_url=settings.S3_ENDPOINT_URL)
    store_connection.with_short_timeouts.cache_clear()
    assert storage.enforces_checksums()


@pytest.mark.parametrize("way", WAYS)
def test_only_a_url_that_is_bound_leads_to_the_bytes_of_a_version(checks, bob, artifact, way):
    target = WAYS[way](bob, artifact)
    is_bound = checks and way in ("a file", "a pack", "a file by itself with its hash")
    leads_away = not is_bound and "parts" not in way

    assert [("/incoming/" in signed.url) for signed, _ in target.signed] == [leads_away] * len(target.signed)
    assert set(StoredObject.objects.values_list("is_bound", flat=True)) == {is_bound}


@pytest.mark.parametrize("way", WAYS)
def test_what_is_verified_stays_whatever_its_urls_are_used_for(checks, bob, mallory, artifact, foreign, work, age, way):
    target = WAYS[way](bob, artifact)
    theirs = log(mallory, foreign, {"secret": b"a secret of mallory's project"}).files.get().blob.object
    work()
    target.version.refresh_from_db()
    assert (target.version.integrity, target.read(bob)) == ("verified", target.contents)

    fooled = []
    before = target.objects()
    # Of those in parts the last, which is the smallest.
    for signed, body in target.signed[-1:]:
        for trick in tricks(signed, body, f"/{store_connection.bucket_name()}/{theirs.key}"):
            if trick.breaks_signature and not checks:
                continue
            status = attempt(trick)
            if trick.breaks_signature and 200 <= status < 300:
                fooled.append((trick.name, status))
            if target.objects() != before:
                fooled.append((trick.name, "changed the version"))
                before = target.objects()
    assert (fooled, target.read(bob)) == ([], target.contents)
    assert fetch(storage.get_download_url(theirs.key)) == b"a secret of mallory's project"
    work()
    target.version.refresh_from_db()
    assert target.version.integrity == "verified"
    assert_nothing_remains(age)
    assert target.read(bob) == target.contents


@pytest.mark.parametrize("way", WAYS)
def test_bytes_that_were_replaced_before_the_end_are_never_verified(checks, bob, artifact, work, way, monkeypatch):
    """Between the moment in which they arrived and the one in which the version is final."""
    replaced = []
    send_all = Target.send_all

    def send_and_replace(target: Target) -> list[str]:
        etags = send_all(target)
        for signed, body in target.signed:
            evil = bytes(255 - byte for byte in body)
            replaced.append(attempt(Trick("other bytes", evil, signed.headers, url=signed.url)) == 200)
        return etags

    monkeypatch.setattr(Target, "send_all", send_and_replace)
    try:
        target = WAYS[way](bob, artifact)
    except Exception as refusal:
        assert type(refusal).__name__ in ("BytesMismatch", "VersionIncomplete"), refusal
        assert any(replaced)
        return
    work()
    target.version.refresh_from_db()
    assert target.version.integrity in ("verified", "corrupt")
    if target.version.integrity == "corrupt":
        assert any(replaced)
    for file in target.version.files.select_related("blob__object"):
        body = b"".join(storage.download_file(file.blob.object.key, file.blob.offset, file.size))
        assert (sha256(body) == file.blob.sha256) == (file.blob.state == Blob.State.VERIFIED)


def test_a_copy_that_comes_late_replaces_nothing(checks, bob, artifact, work, age):
    """Of two calls that take in the same bytes, one stands still, and goes on when the version is verified."""
    draft = versions.begin(Actor(bob), artifact).version
    late = single_upload.begin(Actor(bob), draft, FileSpec("a", 10))
    url = single_upload.sign_put(late)
    send(url, b"good bytes")
    single_upload.register(Actor(bob), draft, FileSpec("a", 10), late.key)
    version = versions.finalize(Actor(bob, Channel.SDK), draft).version
    work()
    send(url, b"evil bytes")
    incoming.take_in([(late, storage.get_file_info(late.incoming_key))])

    obj = StoredObject.objects.get()
    assert fetch(storage.get_download_url(obj.key)) == b"good bytes"
    version.refresh_from_db()
    assert version.integrity == "verified"
    assert_nothing_remains(age)


def test_a_copy_beside_another_keeps_the_key_that_was_given_out(checks, bob, artifact, work):
    """Somebody began to copy and died: the key is not used for a second copy, and stays the name of the upload."""
    draft = versions.begin(Actor(bob), artifact).version
    obj = single_upload.begin(Actor(bob), draft, FileSpec("a", 10))
    send(single_upload.sign_put(obj), b"good bytes")
    deletions.owe_keys([obj.key])
    file = single_upload.register(Actor(bob), draft, FileSpec("a", 10), obj.key)
    again = single_upload.register(Actor(bob), draft, FileSpec("a", 10), obj.key)

    assert (file, file.blob.object.reserved_key) == (again, obj.key)
    assert file.blob.object.key.startswith(f"{obj.key}~")
    assert single_upload.begin(Actor(bob), draft, FileSpec("b", 1)).key != obj.key
    work()
    assert Blob.objects.get().state == "verified"
    deletions.delete_due()
    assert fetch(storage.get_download_url(file.blob.object.key)) == b"good bytes"


def test_parts_that_are_sent_again_have_a_key_of_their_own(checks, bob, artifact, work, age):
    """Somebody completed the upload and has not recorded it yet, while somebody else opens it again."""
    draft = versions.begin(Actor(bob), artifact).version
    spec, bodies = FileSpec("big", len(BIG)), parts_of(BIG, PART)
    begun = single_upload.begin(Actor(bob), draft, spec, part_size=PART)
    etags = dict(enumerate(map(send, [part.put for part in single_upload.sign_parts(begun)], bodies), 1))
    storage.complete_multipart(begun.key, begun.upload_id, etags)
    again = single_upload.begin(Actor(bob), draft, spec, part_size=PART, storage_key=begun.key)
    evil = [send(part.put, bytes(part.size)) for part in single_upload.sign_parts(again)]
    assert (again.pk, again.reserved_key) == (begun.pk, begun.key)
    assert again.key != begun.key

    # The bytes of the first are not taken for those of the second, or the other way round.
    arrivals.mark_uploaded([begun])
    assert StoredObject.objects.get().state == "expected"
    file = single_upload.register(Actor(bob), draft, spec, begun.key, dict(enumerate(evil, 1)))
    work()
    file.blob.refresh_from_db()
    assert (file.blob.state, file.blob.sha256) == ("verified", sha256(bytes(len(BIG))))
    assert single_upload.register(Actor(bob), draft, spec, begun.key, dict(enumerate(evil, 1))) == file
    assert_nothing_remains(age)
    assert fetch(storage.get_download_url(again.key)) == bytes(len(BIG))


@pytest.mark.django_db(transaction=True)
def test_finalizing_again_and_again_while_the_bytes_change_verifies_only_what_is_there(checks, bob, artifact, work):
    for round in range(3):
        good, evil = f"good bytes {round}".encode(), f"evil bytes {round}".encode()
        draft = begin(bob, artifact, {"a": good, "b": good + b"!"}).version
        requests = [single_file(good), single_file(good + b"!")]
        one, two = uploads.begin(Actor(bob), draft, requests)
        send(two.put, good + b"!")

        def flicker(one=one, good=good, evil=evil) -> None:
            for number in range(12):
                body = evil if number % 2 else good
                attempt(Trick("", body, one.put.headers, url=one.put.url))

        finalize = partial(versions.finalize, Actor(bob, Channel.SDK), draft)
        at_once(flicker, finalize, finalize, finalize, flicker)
        attempt(Trick("", good, one.put.headers, url=one.put.url))
        if not ArtifactVersion.objects.get(pk=draft.pk).is_finalized:
            uploads.begin(Actor(bob), draft, requests)
            finalize()
        work()
        attempt(Trick("", evil, one.put.headers, url=one.put.url))
        for file in draft.files.select_related("blob__object"):
            body = b"".join(storage.download_file(file.blob.object.key, 0, file.size))
            assert (sha256(body) == file.blob.sha256) == (file.blob.state == Blob.State.VERIFIED)


@pytest.mark.parametrize("way", ["a file", "a pack", "a file by itself"])
def test_headers_that_an_upload_brings_along_reach_nobody(checks, bob, artifact, way, monkeypatch):
    brought = {
        "Content-Encoding": "gzip", "Content-Type": "text/html", "Content-Language": "de", "Cache-Control": "public",
        "Content-Disposition": "inline", "Expires": "Wed, 21 Oct 2099 07:28:00 GMT",
    }  # fmt: skip
    if not checks:
        brought["x-amz-meta-note"] = "mine"

    def send_with_headers(target: Target) -> list[str]:
        return [send(SignedPut(signed.url, signed.headers | brought), body) for signed, body in target.signed]

    monkeypatch.setattr(Target, "send_all", send_with_headers)
    target = WAYS[way](bob, artifact)

    [obj] = StoredObject.objects.all()
    served = HTTP.request("GET", storage.get_download_url(obj.key, "a"), decode_content=False).headers
    assert served["Content-Type"] == "application/octet-stream"
    assert served["Content-Disposition"].startswith("attachment")
    assert served["Cache-Control"] == "private, no-store"
    assert served["Content-Encoding"] == "identity"
    assert not {"de", "public", "mine", brought["Expires"]} & set(served.values())
    stored = store_connection.client().head_object(Bucket=store_connection.bucket_name(), Key=obj.key)
    if not obj.is_bound:
        assert not {"de", "public", "gzip", "text/html", "inline"} & {str(value) for value in stored.values()}
        assert stored["Metadata"] == {}
    assert target.read(bob) == target.contents


def test_a_url_that_has_expired_opens_nothing(checks, bob, artifact):
    """On the store that checks: the other one knows no time."""
    target = file_alone(bob, artifact)
    params = {"Bucket": store_connection.bucket_name(), "Key": StoredObject.objects.get().key}
    long_ago = timezone.now().strftime("%Y%m%dT")
    for operation, method in (("put_object", "PUT"), ("get_object", "GET")):
        url = store_connection.public().client.generate_presigned_url(operation, Params=params, ExpiresIn=3600)
        stale = url.replace(f"X-Amz-Date={long_ago}", "X-Amz-Date=20200101T")
        assert stale != url
        if checks:
            assert HTTP.request(method, stale, body=b"evil" if method == "PUT" else None).status == 403
    assert target.read(bob) == target.contents
