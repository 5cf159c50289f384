"""Versions that are logged in pieces: only those that the project lacks are sent."""

import os
from collections.abc import Mapping, Sequence
from itertools import chain

import pytest
from django.db import connection

from accounts.actor import Actor
from accounts.models import User
from artifacts import draft_files, errors, storage, tasks, versions
from artifacts.content import (
    downloads,
    extents,
    garbage_collection,
    manifests,
    uploads,
    verification,
)
from artifacts.draft_extents import Piece
from artifacts.draft_files import FileSpec
from artifacts.models import Artifact, ArtifactVersion, Blob, Extent, StoredObject
from tests.artifacts.client import begin, digest_of, log, md5, sha256, upload
from tests.artifacts.store_reads import contents_of, counted_reads

ARTIFACTS = "/api/v1/artifacts"


def spec(path: str, pieces: Sequence[bytes]) -> FileSpec:
    whole = b"".join(pieces)
    return FileSpec(path, len(whole), sha256(whole), extents=tuple(Piece(sha256(body), len(body)) for body in pieces))


def begin_in_pieces(user: User, artifact: Artifact, files: Mapping[str, Sequence[bytes]]) -> versions.DraftResult:
    digest = digest_of({path: b"".join(pieces) for path, pieces in files.items()})
    return versions.begin(Actor(user), artifact, digest=digest, specs=[spec(*file) for file in files.items()])


def log_in_pieces(user: User, artifact: Artifact, files: Mapping[str, Sequence[bytes]]) -> ArtifactVersion:
    """Only the missing pieces are sent, in one pack."""
    begun = begin_in_pieces(user, artifact, files)
    bodies = {sha256(body): body for body in chain.from_iterable(files.values())}
    if begun.missing:
        upload(user, begun.version, [bodies[hash] for hash in begun.missing], packed=True)
    return versions.finalize(Actor(user), begun.version).version


def states() -> list[str]:
    return sorted(Blob.objects.values_list("state", flat=True))


def test_only_pieces_that_the_project_lacks_are_missing(bob, vera, artifact, pieces, work):
    log_in_pieces(bob, artifact, {"a": pieces})
    work()
    changed = [pieces[0], os.urandom(99), *pieces[2:]]
    begun = begin_in_pieces(bob, artifact, {"a": changed})
    assert begun.missing == [sha256(changed[1])]

    upload(bob, begun.version, [changed[1]])
    v2 = versions.finalize(Actor(bob), begun.version).version
    assert contents_of(v2) == {"a": b"".join(changed)}
    work()
    v2.refresh_from_db()
    assert v2.integrity == "verified"
    assert (Extent.objects.count(), Blob.objects.filter(extent_count=5).count()) == (10, 2)
    assert set(states()) == {"verified"}


def test_the_same_whole_again_needs_nothing(bob, alice, artifact, other, pieces, work):
    """Not even from who does not cut it."""
    log_in_pieces(bob, artifact, {"a": pieces})
    work()
    assert begin_in_pieces(alice, other, {"b": pieces}).missing == []
    v = log(alice, other, {"c": b"".join(pieces)})
    assert contents_of(v) == {"c": b"".join(pieces)}
    assert StoredObject.objects.count() == 1


def test_a_piece_is_no_ticket_to_what_another_project_or_person_has(
    bob, alice, mallory, artifact, foreign, pieces, work
):
    log_in_pieces(bob, artifact, {"a": pieces})
    assert len(begin_in_pieces(alice, artifact, {"b": [*pieces, b"b"]}).missing) == 6
    work()
    assert begin_in_pieces(alice, artifact, {"b": [*pieces, b"c"]}).missing == [sha256(b"c")]
    assert len(begin_in_pieces(mallory, foreign, {"b": pieces}).missing) == 5


def test_an_interrupted_upload_goes_on_with_the_pieces_that_lack(bob, artifact, pieces):
    files = {"a": pieces, "b": [pieces[1], pieces[4]]}
    begun = begin_in_pieces(bob, artifact, files)
    assert set(begun.missing) == set(map(sha256, pieces))
    upload(bob, begun.version, pieces[:2], packed=True)
    upload(bob, begun.version, [pieces[3]])
    assert uploads.begin(Actor(bob), begun.version, []) == []

    again = begin_in_pieces(bob, artifact, files)
    assert (again.version, set(again.missing)) == (begun.version, {sha256(pieces[2]), sha256(pieces[4])})
    with pytest.raises(errors.VersionIncomplete):
        versions.finalize(Actor(bob), begun.version)
    upload(bob, begun.version, [pieces[2], pieces[4]])
    v1 = versions.finalize(Actor(bob), begun.version).version
    assert contents_of(v1) == {path: b"".join(own) for path, own in files.items()}


def test_a_try_may_cut_otherwise_or_not_at_all(bob, artifact, pieces):
    begin_in_pieces(bob, artifact, {"a": pieces})
    whole = b"".join(pieces)
    cut = [whole[:100], whole[100:]]
    begun = begin_in_pieces(bob, artifact, {"a": cut})
    assert begun.missing == sorted(map(sha256, cut))
    begun = begin(bob, artifact, {"a": whole})
    assert (begun.missing, Extent.objects.count()) == ([sha256(whole)], 0)
    begun = begin_in_pieces(bob, artifact, {"a": pieces})
    assert (set(begun.missing), Extent.objects.count()) == (set(map(sha256, pieces)), 5)


def test_a_file_and_its_pieces_are_read_once(bob, artifact, pieces):
    """Also where a piece comes twice, and another file has some of them."""
    again = [pieces[3], os.urandom(9), *pieces[:2]]
    version = log_in_pieces(bob, artifact, {"a": [*pieces, pieces[0]], "b": again})
    with counted_reads() as reads:
        verification.verify(str(version.pk))
    files = version.files.select_related("blob__object")
    assert (set(states()), len(reads)) == ({"verified"}, sum(len(extents.places(file.blob)) for file in files))
    assert set(Blob.objects.values_list("sha256", "md5")) == {
        (sha256(body), md5(body)) for body in {*pieces, again[1], b"".join([*pieces, pieces[0]]), b"".join(again)}
    }


def test_an_object_that_vanished_is_asked_for_at_most_twice(bob, artifact, pieces):
    version = log_in_pieces(bob, artifact, {"a": pieces})
    storage.delete_file(StoredObject.objects.get().key)
    with counted_reads() as reads:
        verification.verify(str(version.pk))
    assert (set(states()), len(reads)) == ({"corrupt"}, 2)
    version.refresh_from_db()
    assert version.integrity == "corrupt"


def test_a_corrupt_piece_makes_the_whole_corrupt_and_is_sent_again(bob, artifact, pieces, work):
    v1 = log_in_pieces(bob, artifact, {"a": pieces})
    obj = StoredObject.objects.get()
    storage.upload_file(obj.key, b"".join(storage.download_file(obj.key))[:-1] + b"\0")
    work()
    v1.refresh_from_db()
    assert v1.integrity == "corrupt"
    last = max(obj.blobs.all(), key=lambda blob: blob.offset)
    assert states() == ["corrupt"] * 2 + ["verified"] * 4
    with pytest.raises(errors.BytesMismatch):
        downloads.require_readable(v1.files.select_related("blob").get())

    begun = begin_in_pieces(bob, artifact, {"a": pieces})
    assert begun.missing == [last.sha256]
    v2 = log_in_pieces(bob, artifact, {"a": pieces})
    work()
    v2.refresh_from_db()
    assert (v2.integrity, contents_of(v2)) == ("verified", {"a": b"".join(pieces)})


def test_pieces_that_are_not_the_stated_whole_are_corrupt(bob, artifact, pieces, work):
    lie = spec("a", pieces)
    lie = lie._replace(extents=lie.extents[::-1])
    begun = versions.begin(Actor(bob), artifact, specs=[lie])
    upload(bob, begun.version, pieces, packed=True)
    v1 = versions.finalize(Actor(bob), begun.version).version
    work()
    v1.refresh_from_db()
    assert v1.integrity == "corrupt"
    assert states() == ["corrupt"] + ["verified"] * 5


def test_twins_of_wholes_and_of_pieces_are_merged(bob, alice, artifact, other, pieces, work, age):
    """Two people send the same at once: neither knew of the other's."""
    a = log_in_pieces(bob, artifact, {"a": pieces})
    b = log_in_pieces(alice, other, {"b": pieces})
    assert Blob.objects.count() == 12
    work()
    assert Blob.objects.count() == 6
    age(hours=3)
    assert garbage_collection.delete_orphans() == 1
    for version, path in ((a, "a"), (b, "b")):
        assert contents_of(version) == {path: b"".join(pieces)}


def test_a_manifest_that_is_read_while_twins_are_merged(bob, alice, artifact, other, pieces, work):
    log_in_pieces(bob, artifact, {"a": pieces})
    version = log_in_pieces(alice, other, {"b": pieces})

    turns = [work]

    def merge_before(execute, sql, *arguments):
        if "artifacts_extent" in sql and turns:
            turns.pop()()
        return execute(sql, *arguments)

    before = version.files.get().blob_id
    with connection.execute_wrapper(merge_before):
        page = manifests.page(Actor(alice), version, limit=10)
    assert version.files.get().blob_id != before
    assert sum(size for _, _, size in page.extents[0]) == sum(map(len, pieces))


def test_bytes_of_a_twin_that_is_merged_meanwhile_are_never_cut_short(bob, alice, artifact, other, pieces, work):
    log_in_pieces(bob, artifact, {"a": pieces})
    version = log_in_pieces(alice, other, {"b": pieces})
    blob = version.files.get().blob
    work()
    with pytest.raises(errors.Missing, match="have moved meanwhile"):
        b"".join(extents.read(blob))
    assert contents_of(version) == {"b": b"".join(pieces)}


def test_of_twins_the_one_in_one_object_is_kept(bob, alice, artifact, other, pieces, work, age):
    """A piece is always in one object; here a whole is the piece of another file."""
    whole = b"".join(pieces)
    a = log_in_pieces(bob, artifact, {"a": pieces})
    work()
    b = log_in_pieces(bob, other, {"b": [whole, b"more"]})
    work()
    blob = a.files.select_related("blob__object").get().blob
    assert (blob.extent_count, blob.state, Extent.objects.count()) == (0, "verified", 2)
    age(hours=3)
    garbage_collection.delete_orphans()
    assert contents_of(a) | contents_of(b) == {"a": whole, "b": whole + b"more"}
    assert Blob.objects.count() == 3


def test_a_piece_that_is_stated_as_a_file_of_pieces_stays_in_one_object(bob, artifact, pieces):
    begun = begin_in_pieces(bob, artifact, {"b": [b"".join(pieces), b"more"]})
    _, missing = draft_files.add(Actor(bob), begun.version, [spec("a", pieces)])
    assert set(missing) == set(map(sha256, pieces))
    assert not Extent.objects.filter(piece__extent_count__gt=0).exists()


@pytest.mark.parametrize(
    ("extents", "message"),
    [
        ([[sha256(b"ab"), 2]], "2 to 8,192"),
        ([[sha256(b"a"), 1], [sha256(b"b"), 2]], "3 bytes together"),
        ([[sha256(b"a"), 2], [sha256(b""), 0]], "empty"),
        ([[sha256(b"a"), 1]] * 8193, "2 to 8,192"),
        ([["x", 1], [sha256(b"b"), 1]], "[sha256, size]"),
        ([[sha256(b"a")], [sha256(b"b"), 1]], "[sha256, size]"),
        ({"a": 1}, "[sha256, size]"),
    ],
)
def test_extents_that_are_no_file_are_refused(api, bob, artifact, extents, message):
    file = {"path": "a", "size": 2, "sha256": sha256(b"ab"), "extents": extents}
    answer = api(bob).post(f"{ARTIFACTS}/{artifact.pk}/versions", {"files": [file]}, format="json")
    assert answer.status_code == 400
    assert message in str(answer.json())
    assert not Blob.objects.exists()


def test_extents_stand_in_columns_too(api, bob, artifact, pieces):
    whole = b"".join(pieces)
    pairs = [[sha256(body), len(body)] for body in pieces]
    columns = {"paths": ["a", "b"], "sizes": [1, len(whole)], "sha256": [sha256(b"a"), sha256(whole)]}
    url = f"{ARTIFACTS}/{artifact.pk}/versions"
    answer = api(bob).post(url, {"file_columns": columns | {"extents": {"1": pairs}}}, format="json").json()
    assert answer["missing"] == sorted([sha256(b"a"), *map(sha256, pieces)])

    for wrong in ([], {"2": pairs}, {"-1": pairs}, {"x": pairs}, {"1": [["x", 1]]}, {"1": pairs[:1]}, {"1": None}):
        answer = api(bob).post(url, {"file_columns": columns | {"extents": wrong}}, format="json")
        assert answer.status_code == 400, wrong


def test_a_call_is_bounded(api, bob, artifact):
    extents = [[sha256(b"a"), 1]] * 8000
    files = [{"path": str(n), "size": 8000, "sha256": sha256(b"a" * 8000), "extents": extents} for n in range(7)]
    answer = api(bob).post(f"{ARTIFACTS}/{artifact.pk}/versions", {"files": files}, format="json")
    assert (answer.status_code, "50,000 extents" in str(answer.json())) == (400, True)


def test_what_sharing_saves_is_told(api, browser, bob, vera, mallory, artifact, pieces, work):
    log_in_pieces(bob, artifact, {"a": pieces})
    work()
    log_in_pieces(bob, artifact, {"a": [*pieces, b"more"]})
    size = sum(map(len, pieces))
    url = f"{ARTIFACTS}/{artifact.pk}/storage"
    assert api(vera).get(url).json() == {"stored": size + 4, "logical": 2 * size + 4, "saved": size}
    assert api(mallory).get(url).status_code == 404
    page = browser(vera).get(f"{artifact.get_absolute_url()}/usage").content.decode()
    assert "Storage saved" in page and "by sharing equal files and pieces" in page


def test_a_draft_that_expires_lets_its_pieces_go(bob, artifact, pieces, age):
    begun = begin_in_pieces(bob, artifact, {"a": pieces})
    upload(bob, begun.version, pieces[:2], packed=True)
    age(days=30)
    tasks.run_gc()
    age(hours=3)
    tasks.run_gc()
    assert (Extent.objects.count(), Blob.objects.count(), StoredObject.objects.count()) == (0, 0, 0)
