"""A whole version as one zip."""

import io
import random
import tracemalloc
import zipfile

import pytest

from accounts.actor import Actor, Channel
from accounts.models import User
from artifacts import errors, storage, versions
from artifacts.content import archives, digests
from artifacts.models import ArtifactDownload, ArtifactFile, ArtifactVersion, Blob
from artifacts.references import references
from artifacts.references.references import ReferenceSpec
from tests.artifacts.client import MIB, fill, log


def zip_of(user: User, version: ArtifactVersion) -> archives.Zip:
    actor = Actor(user, Channel.WEB, ip="127.0.0.1", user_agent="a browser")
    return archives.stream(actor, version, user.username)


def unzip(zip: archives.Zip) -> dict[str, bytes]:
    body = b"".join(zip.chunks)
    assert len(body) == zip.size
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def test_it_holds_every_file_as_it_was(vera, bob, artifact):
    files = {"a.txt": b"one", "b/empty": b"", "b/ü 日.bin": random.Random(1).randbytes(3 * MIB), "z/a.txt": b"one"}
    version = log(bob, artifact, files)

    assert unzip(zip_of(vera, version)) == files


def test_small_files_of_a_pack_are_read_together(bob, artifact):
    files = {f"data/{number:04}.txt": b"%d" % number * 99 for number in range(1500)}
    version = log(bob, artifact, files, packed=True)

    pages = archives.Selection(version).pages(["data/0000.txt", "data/1000.txt"])
    assert [len(run) for run in archives.contiguous_files(pages)] == [1000, 500]
    assert unzip(zip_of(bob, version)) == files


def test_selected_folders_cost_few_queries(bob, artifact, monkeypatch, django_assert_max_num_queries):
    """However many there are; what lies in several of them is in the zip once."""
    monkeypatch.setattr(archives, "_BATCH_SIZE", 7)
    names = [f"{number:03}" for number in range(250)]
    files = {f"{name}/{part}": part.encode() for name in names for part in ("a", "b/c", "d e")} | {"x": b"1", "y": b"2"}
    version = log(bob, artifact, files, packed=True)
    odd = [name for name in names if int(name) % 2]
    selected = [*(f"{name}/" for name in odd), *(f"{name}/b/" for name in odd), "010/a", "010/b/c", "y", "nothing"]

    found = unzip(archives.stream(Actor(bob), version, "bob", selected))
    assert found == {
        path: content
        for path, content in files.items()
        if path.partition("/")[0] in {*odd, "y"} or path[:5] in ("010/a", "010/b")
    }
    monkeypatch.setattr(archives, "_BATCH_SIZE", 1000)
    with django_assert_max_num_queries(20):
        list(archives.stream(Actor(bob), version, "bob", [f"{name}/" for name in names]).chunks)
    with pytest.raises(errors.Missing):
        archives.stream(Actor(bob), version, "bob", ["z", "0/"])


def test_files_of_a_pack_in_any_order(bob, artifact):
    bodies = [b"a" * 10, b"b" * 20, b"", b"c" * 30]
    files = {"1": bodies[2], "2": bodies[0], "3": bodies[3], "4": bodies[1], "5": bodies[0]}
    version = log(bob, artifact, files, packed=True)

    assert unzip(zip_of(bob, version)) == files


def test_it_is_counted_once(vera, v1):
    list(zip_of(vera, v1).chunks)

    [row] = ArtifactDownload.objects.filter(version=v1)
    assert (row.user, row.file, row.ip_address, row.user_agent) == (vera, None, "127.0.0.1", "a browser")


def test_memory_does_not_grow_with_the_bytes(bob, artifact):
    version = log(bob, artifact, {name: random.Random(name).randbytes(12 * MIB) for name in "abc"})
    chunks = zip_of(bob, version).chunks
    next(chunks)

    tracemalloc.start()
    try:
        assert sum(map(len, chunks)) > 36 * MIB - 100
        assert tracemalloc.get_traced_memory()[1] < 6 * MIB
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("state", "refusal"), [(Blob.State.CORRUPT, errors.BytesMismatch), (Blob.State.EXPECTED, errors.VersionIncomplete)]
)
def test_what_is_not_whole_is_refused_before_the_first_byte(bob, v1, state, refusal):
    Blob.objects.filter(files__version=v1).update(state=state)

    with pytest.raises(refusal):
        zip_of(bob, v1)
    assert not ArtifactDownload.objects.exists()


def test_a_first_file_that_the_store_lost_is_refused_before_the_first_byte(bob, artifact):
    """Whatever files without bytes are before it."""
    version = log(bob, artifact, {"a": b"", "b": b"", "c": b"1" * 100, "d": b"2"})
    storage.delete_file(version.files.get(path="c").blob.object.key)

    with pytest.raises(errors.Missing):
        zip_of(bob, version)
    assert not ArtifactDownload.objects.exists()


def test_bytes_that_the_store_lost_break_the_zip_off(bob, artifact):
    version = log(bob, artifact, {"a": b"1" * 100, "b": b"2"})
    storage.delete_file(version.files.get(path="b").blob.object.key)
    zip, sent = zip_of(bob, version), 0

    with pytest.raises(errors.Missing):
        for chunk in zip.chunks:
            sent += len(chunk)
    assert 100 < sent < zip.size


def test_a_draft_that_grows_meanwhile_breaks_the_zip_off(bob, artifact):
    version = log(bob, artifact, {"a": b"1", "b": b"2"})
    zip, sent = zip_of(bob, version), 0
    ArtifactFile.objects.create(
        version=version, path="c", name="c", size=1, mime_type="text/plain", blob=version.files.get(path="a").blob
    )

    with pytest.raises(errors.Conflict, match="was changed"):
        for chunk in zip.chunks:
            sent += len(chunk)
    assert sent < zip.size


def test_the_size_is_right_where_the_directory_of_a_zip_takes_its_long_form(bob, artifact):
    version, count = log(bob, artifact, {"0": b""}), 0xFFFF
    blob = version.files.get().blob
    more = (
        ArtifactFile(version=version, path=f"{i}", name=f"{i}", size=0, mime_type="", blob=blob)
        for i in range(1, count)
    )
    ArtifactFile.objects.bulk_create(more, batch_size=5_000)

    zip = zip_of(bob, version)
    assert sum(map(len, zip.chunks)) == zip.size


def test_references_are_listed_in_a_file_of_their_own(bob, artifact, monkeypatch):
    monkeypatch.setattr(archives, "_BATCH_SIZE", 2)
    version = fill(bob, artifact, {"a": b"1", "REFERENCES.txt": b"x", "REFERENCES-2.txt/y": b"y"})
    uris = {
        "b": "s3://elsewhere/b",
        "b/ü": "https://example.org/b?page=1&sig=secret",
        "c": "file:///c",
        "z": "gs://abc/z",
    }
    references.add(Actor(bob), version, [ReferenceSpec(path.replace("b/", "d/"), uri, 5) for path, uri in uris.items()])
    digest = digests.of_version(version)
    version = versions.finalize(Actor(bob, Channel.SDK), version, digest=digest).version

    whole = unzip(zip_of(bob, version))
    listed = whole.pop("REFERENCES-3.txt").decode()
    assert whole == {"a": b"1", "REFERENCES.txt": b"x", "REFERENCES-2.txt/y": b"y"}
    assert listed.startswith("These files are references") and listed.splitlines()[2:] == [
        "b\ts3://elsewhere/b",
        "c\tfile:///c",
        "d/ü\thttps://example.org/b?page=1",
        "z\tgs://abc/z",
    ]
    actor = Actor(bob, Channel.WEB)
    selected = archives.stream(actor, version, "bob", ["d/"])
    assert b"d/\xc3\xbc\thttps" in unzip(selected)["REFERENCES-3.txt"]
    assert unzip(archives.stream(actor, version, "bob", ["a"])) == {"a": b"1"}
