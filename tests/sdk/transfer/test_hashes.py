import hashlib
import os
from pathlib import Path

import pytest

from wanllmdb.sdk import errors
from wanllmdb.sdk.progress import Phase, TransferProgress
from wanllmdb.sdk.transfer import hashes
from wanllmdb.sdk.transfer.hashes import MIB, MULTIPART_ABOVE, PACK_BELOW, PART_SIZE


def write_random(path: Path, size: int) -> bytes:
    content = os.urandom(min(size, 1000)) * (size // 1000 + 1)
    path.write_bytes(content[:size])
    return content[:size]


@pytest.mark.parametrize("size", [0, 1, PACK_BELOW - 1, PACK_BELOW, PACK_BELOW + 1, MULTIPART_ABOVE])
def test_a_file_has_its_sha256(tmp_path, size):
    content = write_random(tmp_path / "file", size)
    progress = Phase("hashing", 1, size)
    hashed = hashes.hash_file("in/artifact", str(tmp_path / "file"), progress)
    assert (hashed.path, hashed.size) == ("in/artifact", size)
    assert hashed.sha256 == hashlib.sha256(content).hexdigest()
    assert hashed.parts == ()
    assert progress.snapshot() == TransferProgress("hashing", 1, 1, size, size)


@pytest.mark.parametrize("size", [MULTIPART_ABOVE + 1, 3 * PART_SIZE, 3 * PART_SIZE + 12345])
def test_a_large_file_also_has_the_sha256_of_every_part(tmp_path, size):
    content = write_random(tmp_path / "file", size)
    hashed = hashes.hash_file("file", str(tmp_path / "file"))
    assert hashed.sha256 == hashlib.sha256(content).hexdigest()
    starts = range(0, size, PART_SIZE)
    assert hashed.part_size == PART_SIZE
    assert list(hashed.parts) == [hashlib.sha256(content[at : at + PART_SIZE]).hexdigest() for at in starts]


def test_ten_thousand_parts_are_enough_for_any_size():
    for size in (MULTIPART_ABOVE + 1, 312 * 1024 * MIB, 5 * 1024 * 1024 * MIB):
        assert -(-size // hashes.part_size_for(size)) <= 10_000


def test_files_are_returned_in_the_order_given(tmp_path):
    files = []
    for number in range(300):
        (tmp_path / str(number)).write_text(str(number))
        files.append((f"f/{number}", str(tmp_path / str(number))))
    hashed = hashes.hash_files(files, max_workers=4)
    assert [file.path for file in hashed] == [path for path, _ in files]
    assert [file.sha256 for file in hashed] == [hashlib.sha256(str(n).encode()).hexdigest() for n in range(300)]


def test_a_file_that_grows_while_it_is_read_is_an_error(tmp_path):
    path = tmp_path / "log.txt"
    write_random(path, 3 * MIB)

    def grow(_):
        with path.open("ab") as file:
            file.write(b"more")

    with pytest.raises(errors.FileChanged, match=r"log\.txt changed while it was being read"):
        hashes.hash_file("log.txt", str(path), grow)


def test_a_missing_file_is_an_error(tmp_path):
    with pytest.raises(errors.FileChanged, match="was removed while it was being logged"):
        hashes.hash_files([("a", str(tmp_path / "absent"))])


def test_a_file_whose_bytes_cannot_be_read_is_named():
    with pytest.raises(errors.Invalid, match="/proc/self/mem cannot be read: "):
        hashes.hash_files([("a", "/proc/self/mem")])


def test_a_touched_file_is_unchanged_and_a_rewritten_one_is_not(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"one")
    hashed = hashes.hash_file("file", str(path))
    os.utime(path, ns=(1, 1))
    assert hashes.is_unchanged(hashed)
    path.write_bytes(b"two")
    assert not hashes.is_unchanged(hashed)
    assert not hashes.is_unchanged(hashed)
    path.unlink()
    assert not hashes.is_unchanged(hashed)


def test_the_digest_of_a_version_depends_only_on_its_files():
    one, two = ("b", "22", 2), ("ä/a", "11", 1)
    expected = hashlib.sha256("b\x0022\x002\nä/a\x0011\x001\n".encode()).hexdigest()
    assert hashes.version_digest([one, two]) == hashes.version_digest([two, one]) == expected
    assert hashes.version_digest([]) == hashlib.sha256().hexdigest()


def test_the_digest_sorts_paths_by_their_bytes():
    # Sorted as UTF-16 the order would be different.
    high, low = ("\U0001f600", "11", 1), ("\uffee", "22", 1)
    lines = "\uffee\x0022\x001\n\U0001f600\x0011\x001\n"
    assert hashes.version_digest([high, low]) == hashlib.sha256(lines.encode()).hexdigest()
