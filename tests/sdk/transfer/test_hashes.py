import hashlib
import os
from pathlib import Path

import pytest

from wanllmdb.sdk import errors
from wanllmdb.sdk.transfer import hashes
from wanllmdb.sdk.transfer.hashes import LARGE, MIB, PART_SIZE, SMALL


def made(path: Path, size: int) -> bytes:
    content = os.urandom(min(size, 1000)) * (size // 1000 + 1)
    path.write_bytes(content[:size])
    return content[:size]


@pytest.mark.parametrize("size", [0, 1, SMALL - 1, SMALL, SMALL + 1, LARGE])
def test_a_file_has_its_sha256(tmp_path, size):
    content = made(tmp_path / "file", size)
    heard = []
    hashed = hashes.hash_file("in/artifact", str(tmp_path / "file"), heard.append)
    assert (hashed.path, hashed.size) == ("in/artifact", size)
    assert hashed.sha256 == hashlib.sha256(content).hexdigest()
    assert hashed.parts == ()
    assert sum(heard) == size


@pytest.mark.parametrize("size", [LARGE + 1, 3 * PART_SIZE, 3 * PART_SIZE + 12345])
def test_a_large_file_has_the_sha256_of_each_part_too(tmp_path, size):
    content = made(tmp_path / "file", size)
    hashed = hashes.hash_file("file", str(tmp_path / "file"))
    assert hashed.sha256 == hashlib.sha256(content).hexdigest()
    starts = range(0, size, PART_SIZE)
    assert hashed.part_size == PART_SIZE
    assert list(hashed.parts) == [hashlib.sha256(content[at : at + PART_SIZE]).hexdigest() for at in starts]


def test_ten_thousand_parts_are_enough_for_any_size():
    for size in (LARGE + 1, 312 * 1024 * MIB, 5 * 1024 * 1024 * MIB):
        assert -(-size // hashes.part_size_for(size)) <= 10_000


def test_many_files_come_back_in_their_order(tmp_path):
    files = []
    for number in range(300):
        (tmp_path / str(number)).write_text(str(number))
        files.append((f"f/{number}", str(tmp_path / str(number))))
    hashed = hashes.hash_files(files, hands=4)
    assert [file.path for file in hashed] == [path for path, _ in files]
    assert [file.sha256 for file in hashed] == [hashlib.sha256(str(n).encode()).hexdigest() for n in range(300)]


def test_a_file_that_grows_while_it_is_read_is_told(tmp_path):
    path = tmp_path / "log.txt"
    made(path, 3 * MIB)

    def grow(_):
        with path.open("ab") as file:
            file.write(b"more")

    with pytest.raises(errors.FileChanged, match=r"log\.txt changed while it was being read"):
        hashes.hash_file("log.txt", str(path), grow)


def test_a_file_that_is_gone_is_told(tmp_path):
    with pytest.raises(errors.FileChanged, match="taken away"):
        hashes.hash_files([("a", str(tmp_path / "absent"))])


def test_a_touched_file_is_the_same_and_a_rewritten_one_is_not(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"one")
    hashed = hashes.hash_file("file", str(path))
    os.utime(path, ns=(1, 1))
    assert hashes.unchanged(hashed)
    path.write_bytes(b"two")
    assert not hashes.unchanged(hashed)
    assert not hashes.unchanged(hashed)
    path.unlink()
    assert not hashes.unchanged(hashed)


def test_the_digest_of_a_version_is_of_its_contents_alone():
    one, two = ("b", "22", 2), ("ä/a", "11", 1)
    expected = hashlib.sha256("b\x0022\x002\nä/a\x0011\x001\n".encode()).hexdigest()
    assert hashes.version_digest([one, two]) == hashes.version_digest([two, one]) == expected
    assert hashes.version_digest([]) == hashlib.sha256().hexdigest()


def test_the_digest_sorts_paths_by_their_bytes():
    # As texts they would sort alike; as UTF-16 they would not.
    high, low = ("\U0001f600", "11", 1), ("\uffee", "22", 1)
    lines = "\uffee\x0022\x001\n\U0001f600\x0011\x001\n"
    assert hashes.version_digest([high, low]) == hashlib.sha256(lines.encode()).hexdigest()
