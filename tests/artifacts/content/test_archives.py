"""A whole version as one zip."""

import io
import random
import tracemalloc
import zipfile

import pytest

from accounts.actor import Actor, Channel
from artifacts import errors, storage
from artifacts.content import archives
from artifacts.models import ArtifactDownload, ArtifactFile, Blob
from tests.artifacts.client import MIB, log


def unzip(chunks) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(b"".join(chunks))) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def test_it_holds_every_file_as_it_was(vera, bob, artifact):
    files = {"a.txt": b"one", "b/empty": b"", "b/ü 日.bin": random.Random(1).randbytes(3 * MIB), "z/a.txt": b"one"}
    version = log(bob, artifact, files)

    assert unzip(archives.stream(Actor(vera, Channel.WEB, ip="127.0.0.1", user_agent="a browser"), version)) == files


def test_small_files_of_a_pack_are_read_together(bob, artifact):
    files = {f"data/{number:04}.txt": b"%d" % number * 99 for number in range(1500)}
    version = log(bob, artifact, files, packed=True)

    assert [len(run) for run in archives.contiguous_files(version)] == [1000, 500]
    assert unzip(archives.stream(Actor(bob, Channel.WEB, ip="127.0.0.1", user_agent="a browser"), version)) == files


def test_files_of_a_pack_in_any_order(bob, artifact):
    bodies = [b"a" * 10, b"b" * 20, b"", b"c" * 30]
    files = {"1": bodies[2], "2": bodies[0], "3": bodies[3], "4": bodies[1], "5": bodies[0]}
    version = log(bob, artifact, files, packed=True)

    assert unzip(archives.stream(Actor(bob, Channel.WEB, ip="127.0.0.1", user_agent="a browser"), version)) == files


def test_it_is_counted_once(vera, v1):
    list(archives.stream(Actor(vera, Channel.WEB, ip="127.0.0.1", user_agent="a browser"), v1))

    [row] = ArtifactDownload.objects.filter(version=v1)
    assert (row.user, row.file, row.ip_address, row.user_agent) == (vera, None, "127.0.0.1", "a browser")


def test_memory_does_not_grow_with_the_bytes(bob, artifact):
    version = log(bob, artifact, {name: random.Random(name).randbytes(12 * MIB) for name in "abc"})
    chunks = archives.stream(Actor(bob, Channel.WEB, ip="127.0.0.1", user_agent="a browser"), version)
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
        archives.stream(Actor(bob, Channel.WEB, ip="127.0.0.1", user_agent="a browser"), v1)
    assert not ArtifactDownload.objects.exists()


def test_bytes_that_the_store_lost_break_the_zip_off(bob, artifact):
    version = log(bob, artifact, {"a": b"1" * 100, "b": b"2"})
    storage.delete_file(version.files.get(path="a").blob.object.key)

    with pytest.raises(errors.Missing):
        list(archives.stream(Actor(bob, Channel.WEB, ip="127.0.0.1", user_agent="a browser"), version))


def test_references_are_left_out(bob, artifact):
    version = log(bob, artifact, {"a": b"1"})
    ArtifactFile.objects.create(
        version=version, path="b", name="b", size=1, mime_type="text/plain", reference_uri="s3://elsewhere/b"
    )

    assert unzip(archives.stream(Actor(bob, Channel.WEB, ip="127.0.0.1", user_agent="a browser"), version)) == {
        "a": b"1"
    }
