"""What was read is recalled while it looks the same; whatever becomes of the cache, a log reads the files at most."""

import hashlib
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from wanllmdb.sdk import connection, draft_files, errors
from wanllmdb.sdk.draft import Draft
from wanllmdb.sdk.local_cache import file_hashes
from wanllmdb.sdk.local_cache.file_hashes import FileHashes
from wanllmdb.sdk.progress import Transfer
from wanllmdb.sdk.transfer import hashes
from wanllmdb.sdk.transfer.hashes import MULTIPART_ABOVE, PART_SIZE, FileFingerprint, HashedFile

LATER = 3_600 * 10**9
"""Files of a test are young: an hour from now they are not."""


@pytest.fixture
def cache(tmp_path) -> FileHashes:
    return FileHashes(tmp_path / "cache")


@pytest.fixture
def file(tmp_path) -> HashedFile:
    (tmp_path / "a.csv").write_bytes(b"one")
    return hashes.hash_file("a.csv", str(tmp_path / "a.csv"))


def recall(cache: FileHashes, *files: HashedFile) -> dict[str, HashedFile]:
    seen = [(file.path, file.source, FileFingerprint.from_stat(Path(file.source).stat())) for file in files]
    return cache.recall(seen)


def remember(cache: FileHashes, *files: HashedFile, after: int = LATER) -> None:
    cache.remember(files, time.time_ns() + after)


@contextmanager
def database(cache: FileHashes) -> Iterator[sqlite3.Connection]:
    assert cache._path is not None
    with closing(sqlite3.connect(cache._path)) as connection, connection:
        yield connection


def test_a_file_that_looks_the_same_is_recalled(cache, file):
    assert recall(cache, file) == {}
    remember(cache, file)
    assert recall(cache, file) == {"a.csv": file}
    cache.forget([file])
    assert recall(cache, file) == {}


def test_a_large_file_is_recalled_with_its_parts(cache, tmp_path):
    path = tmp_path / "large"
    with path.open("wb") as sparse:
        sparse.truncate(MULTIPART_ABOVE + 1)
    file = hashes.hash_file("large", str(path))
    remember(cache, file)
    (recalled,) = recall(cache, file).values()
    assert recalled == file
    assert (recalled.part_size, len(recalled.parts)) == (PART_SIZE, 3)


@pytest.mark.parametrize("field", ["size", "modified_ns", "changed_ns", "inode", "device"])
def test_a_file_that_differs_in_anything_is_not(cache, file, field):
    remember(cache, file)
    other = file.fingerprint._replace(**{field: getattr(file.fingerprint, field) + 1})
    assert cache.recall([(file.path, file.source, other)]) == {}


def test_other_bytes_of_the_same_size_under_the_same_time_are_seen(cache, file):
    remember(cache, file)
    path = Path(file.source)
    before = path.stat()
    path.write_bytes(b"two")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_mtime_ns == before.st_mtime_ns
    assert recall(cache, file) == {}


def test_a_file_in_the_place_of_another_is_seen(cache, file, tmp_path):
    remember(cache, file)
    (tmp_path / "new").write_bytes(b"two")
    os.utime(tmp_path / "new", ns=(0, file.fingerprint.modified_ns))
    (tmp_path / "new").replace(file.source)
    assert recall(cache, file) == {}


@pytest.mark.parametrize("age", [-LATER, 0, 1_900_000_000])
def test_a_file_that_was_young_when_it_was_read_is_not_remembered(cache, file, age):
    cache.remember([file], file.fingerprint.changed_ns + age)
    assert recall(cache, file) == {}


def test_by_a_clock_of_whole_seconds_a_file_is_young_for_longer(cache, file):
    whole = file.fingerprint.changed_ns // 10**9 * 10**9
    coarse = replace(file, fingerprint=file.fingerprint._replace(modified_ns=whole, changed_ns=whole))
    cache.remember([coarse], whole + 59 * 10**9)
    assert cache.recall([(file.path, file.source, coarse.fingerprint)]) == {}
    cache.remember([coarse], whole + 61 * 10**9)
    assert cache.recall([(file.path, file.source, coarse.fingerprint)]) == {"a.csv": coarse}


def test_inodes_of_64_bits_are_kept(cache, file):
    large = replace(file, fingerprint=file.fingerprint._replace(inode=2**64 - 1, device=2**64 - 2))
    remember(cache, large)
    assert cache.recall([(file.path, file.source, large.fingerprint)]) == {"a.csv": large}


def test_any_path_is_a_key(cache, tmp_path):
    source = os.fsencode(tmp_path) + b"/\xff \n'"
    Path(os.fsdecode(source)).write_bytes(b"one")
    file = hashes.hash_file("odd", os.fsdecode(source))
    remember(cache, file)
    assert recall(cache, file) == {"odd": file}


def test_many_files_are_recalled(cache, tmp_path):
    files = []
    for number in range(1_203):
        (tmp_path / str(number)).write_text(str(number))
        files.append(hashes.hash_file(str(number), str(tmp_path / str(number))))
    remember(cache, *files)
    assert recall(cache, *files) == {file.path: file for file in files}


def test_what_was_not_used_for_longest_is_forgotten_when_there_is_too_much(cache, file, tmp_path, monkeypatch):
    remember(cache, file)
    with database(cache) as connection:
        connection.execute("UPDATE files SET used_on = used_on - 10")
    monkeypatch.setattr(file_hashes, "MAX_SIZE", 1)
    (tmp_path / "b.csv").write_bytes(b"two")
    newer = hashes.hash_file("b.csv", str(tmp_path / "b.csv"))
    remember(cache, newer)
    assert recall(cache, file, newer) == {"b.csv": newer}


def test_a_file_that_is_used_again_is_kept(cache, file, monkeypatch):
    remember(cache, file)
    with database(cache) as connection:
        connection.execute("UPDATE files SET used_on = used_on - 10")
    recall(cache, file)
    remember(cache)
    today = int(time.time() // 86_400)
    with database(cache) as connection:
        assert connection.execute("SELECT used_on FROM files").fetchall() == [(today,)]


@pytest.mark.parametrize("content", [b"", b"no database", b"SQLite format 3\0" + b"\xff" * 5000])
def test_a_database_that_is_damaged_is_replaced(cache, file, content):
    remember(cache, file)
    cache._path.write_bytes(content)
    assert recall(cache, file) == {}
    remember(cache, file)
    assert recall(cache, file) == {"a.csv": file}


def test_a_table_of_another_form_is_left_alone(cache, file):
    remember(cache, file)
    with database(cache) as connection:
        connection.execute("DROP TABLE files")
        connection.execute("CREATE TABLE files (path BLOB)")
    remember(cache, file)
    assert recall(cache, file) == {}


def test_a_database_that_another_process_holds_is_done_without(cache, file, monkeypatch):
    remember(cache, file)
    monkeypatch.setattr(file_hashes, "_LOCK_TIMEOUT", 0.0)
    with database(cache) as other:
        other.execute("BEGIN EXCLUSIVE")
        assert recall(cache, file) == {}
        remember(cache, file)
    assert recall(cache, file) == {"a.csv": file}


def test_a_directory_in_the_way_is_done_without(cache, file, tmp_path):
    (tmp_path / "cache").write_text("a file")
    remember(cache, file)
    assert recall(cache, file) == {}


# --- Of a draft -------------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path) -> Path:
    (tmp_path / "data").mkdir()
    for number in range(3):
        path = tmp_path / "data" / f"{number}.txt"
        path.write_text(str(number))
    return tmp_path / "data"


def draft_of(folder: Path) -> Draft:
    draft = Draft("data", "dataset", None, None)
    draft.add_dir(folder)
    return draft


@pytest.fixture
def connect(monkeypatch):
    def with_variables(**variables: str) -> connection.Connection:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        return connection.connect(silent=True)

    return with_variables


@pytest.fixture
def reads(monkeypatch) -> list[str]:
    """The files that were read."""
    paths: list[str] = []
    hash_files = hashes.hash_files

    def recorded(files, **options):
        files = list(files)
        paths.extend(path for path, _ in files)
        return hash_files(files, **options)

    monkeypatch.setattr(hashes, "hash_files", recorded)
    monkeypatch.setattr(file_hashes, "_YOUNG_NS", -LATER)
    monkeypatch.setattr(file_hashes, "_YOUNG_BY_COARSE_CLOCK_NS", -LATER)
    return paths


def test_only_what_is_new_or_changed_is_read(connect, folder, reads):
    connected = connect()
    first = draft_files.read(connected, draft_of(folder), Transfer("data"))
    assert reads == ["0.txt", "1.txt", "2.txt"]
    assert draft_files.read(connected, draft_of(folder), Transfer("data")) == first
    assert len(reads) == 3
    (folder / "1.txt").write_text("x")
    (folder / "3.txt").write_text("3")
    files = draft_files.read(connected, draft_of(folder), Transfer("data"))
    assert reads[3:] == ["1.txt", "3.txt"]
    assert [file.path for file in files] == ["0.txt", "1.txt", "2.txt", "3.txt"]
    assert files[1].sha256 == hashlib.sha256(b"x").hexdigest()


@pytest.mark.parametrize("variables", [{"WANLLMDB_HASH_CACHE": "false"}, {"WANLLMDB_MODE": "disabled"}])
def test_all_is_read_and_nothing_kept_where_it_is_turned_off(connect, folder, reads, variables):
    connected = connect(**variables)
    for _ in "ab":
        draft_files.read(connected, draft_of(folder), Transfer("data"))
    assert len(reads) == 6
    assert not connected.settings.cache_dir.exists()


def test_a_file_that_changed_since_it_was_added_is_refused_whatever_is_known(connect, folder, reads):
    connected = connect()
    draft_files.read(connected, draft_of(folder), Transfer("data"))
    draft = draft_of(folder)
    (folder / "1.txt").write_text("x")
    with pytest.raises(errors.FileChanged, match=r"1\.txt has changed since it was added"):
        draft_files.read(connected, draft, Transfer("data"))


def test_the_bytes_of_small_files_are_kept_up_to_a_bound(connect, folder):
    files = draft_files.read(connect(), draft_of(folder), Transfer("data"), max_kept=2)
    assert [file.content for file in files] == [b"0", b"1", None]
