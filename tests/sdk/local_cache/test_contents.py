"""The cache of contents: what is kept comes back with exactly its bytes, or not at all."""

import os
import random
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.sdk.local_cache.conftest import sha256
from wanllmdb.sdk import errors
from wanllmdb.sdk.local_cache import content_eviction, content_files, contents, file_copies
from wanllmdb.sdk.progress import ignore_progress

BIG = b"weights " * (256 << 10)


# --- Files ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("content", [b"", b"a", BIG], ids=["empty", "short", "2 MiB"])
def test_a_file_that_was_downloaded_is_not_fetched_again(machine, content):
    assert machine.fetch(content) is None
    machine.add(content)
    first, second = machine.fetch(content), machine.fetch(content)
    assert first and second
    # Programs may write to either.
    first.write_bytes(b"changed")
    assert second.read_bytes() == content
    assert machine.fetch(content)


def test_the_file_outlives_the_directory_that_it_was_downloaded_to(machine):
    machine.add(BIG).unlink()
    assert machine.fetch(BIG)


def test_on_the_same_disk_nothing_is_stored_twice(machine):
    downloaded = machine.add(BIG)
    [cached] = machine.files()
    # A disk that shares blocks has made a copy of its own, which takes no space either.
    assert cached.samefile(downloaded) or downloaded.stat().st_nlink == 1


def test_on_another_disk_it_is_copied(machine, monkeypatch):
    def refuse(*args):
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", refuse)
    downloaded = machine.add(BIG)
    [cached] = machine.files()
    assert not cached.samefile(downloaded)
    downloaded.write_bytes(b"changed")
    assert machine.fetch(BIG)


@pytest.mark.parametrize("is_refused", [False, True], ids=["by the kernel", "block by block"])
def test_copies_are_exact(tmp_path, monkeypatch, is_refused):
    if is_refused:
        monkeypatch.setattr(sys, "platform", "other")
    (tmp_path / "a").write_bytes(os.urandom((3 << 20) + 7))
    size = (tmp_path / "a").stat().st_size
    with file_copies.open_regular(tmp_path / "a") as source, (tmp_path / "b").open("xb", buffering=0) as target:
        assert file_copies.copy(source, target, size, ignore_progress)
    assert (tmp_path / "b").read_bytes() == (tmp_path / "a").read_bytes()
    with file_copies.open_regular(tmp_path / "a") as source, (tmp_path / "c").open("xb", buffering=0) as target:
        assert not file_copies.copy(source, target, size + 1, ignore_progress)


# --- Never wrong bytes ------------------------------------------------------------------------------------------------


def test_whoever_edits_a_downloaded_file_in_place_loses_the_cached_one_and_nothing_else(machine, monkeypatch):
    monkeypatch.setattr(file_copies, "clone", lambda source, target: False)
    downloaded = machine.add(BIG)
    with downloaded.open("r+b") as file:
        file.write(b"W")
    assert machine.fetch(BIG) is None
    assert machine.files() == []
    assert downloaded.read_bytes() == b"W" + BIG[1:]
    machine.add(BIG)
    assert machine.fetch(BIG)


def test_an_edit_right_after_the_download_is_noticed(machine):
    """However coarse the clock of the disk: the time of the cached file is in the past."""
    machine.add(BIG)
    [cached] = machine.files()
    assert cached.stat().st_mtime_ns % 2_000_000_000 == 0
    assert cached.stat().st_mtime <= time.time() - 2


@pytest.mark.parametrize("damage", ["longer", "shorter", "gone", "link", "directory", "pipe"])
def test_what_is_no_longer_the_content_is_a_miss(machine, tmp_path, damage):
    machine.add(BIG).unlink()
    [cached] = machine.files()
    if damage == "longer":
        cached.write_bytes(BIG + b"more")
    elif damage == "shorter":
        os.truncate(cached, len(BIG) - 1)
    else:
        cached.unlink()
        (tmp_path / "other").write_bytes(BIG)
        {
            "gone": lambda: None,
            "link": lambda: cached.symlink_to(tmp_path / "other"),
            "directory": cached.mkdir,
            "pipe": lambda: os.mkfifo(cached),
        }[damage]()
    assert machine.fetch(BIG) is None


def test_a_file_that_was_only_touched_is_hashed_and_kept(machine):
    machine.add(BIG)
    [cached] = machine.files()
    os.utime(cached, ns=(10**18, 10**18))
    assert machine.fetch(BIG)
    [renamed] = machine.files()
    assert renamed != cached
    assert renamed.name == content_files.file_name(sha256(BIG), renamed.stat())


def test_what_was_written_before_the_machine_was_started_is_hashed_once(machine, monkeypatch):
    """A loss of power leaves files whose last blocks were never written, with the right size and time."""
    hashed = []
    copy_hashed = file_copies.copy_hashed
    monkeypatch.setattr(file_copies, "copy_hashed", lambda *args: hashed.append(args) or copy_hashed(*args))
    machine.add(BIG)
    machine.fetch(BIG)
    assert not hashed
    booted_at = time.time_ns()
    monkeypatch.setattr(content_files, "_booted_ns", lambda: booted_at)
    assert machine.fetch(BIG)
    assert len(hashed) == 1
    assert machine.fetch(BIG)
    assert len(hashed) == 1


def test_a_link_in_place_of_a_directory_is_not_followed(machine, tmp_path):
    machine.add(BIG)
    [cached] = machine.files()
    cached.parent.rename(tmp_path / "elsewhere")
    cached.parent.symlink_to(tmp_path / "elsewhere")
    assert machine.fetch(BIG) is None


# --- Hard links -------------------------------------------------------------------------------------------------------


def test_with_hard_links_downloads_share_one_read_only_file(machine):
    first = machine.add(BIG, cache_hard_links=True)
    second = machine.fetch(BIG, cache_hard_links=True)
    assert second.samefile(first)
    assert stat.S_IMODE(second.stat().st_mode) & 0o222 == 0
    assert not machine.fetch(BIG).samefile(first)


def test_two_files_of_a_download_are_never_one(machine, tmp_path):
    machine.add(BIG, cache_hard_links=True)
    cache = machine.open(cache_hard_links=True)
    for name in "ab":
        assert cache.copy(sha256(BIG), len(BIG), str(tmp_path / name), ignore_progress)
    assert not (tmp_path / "a").samefile(tmp_path / "b")


def test_a_file_that_somebody_may_write_to_is_never_linked_to(machine):
    first = machine.add(BIG)
    second = machine.fetch(BIG, cache_hard_links=True)
    assert not second.samefile(first)


# --- Where it cannot be written ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("obstacle", ["file", "link", "writable by others"])
def test_a_cache_that_others_may_change_is_neither_read_nor_written(machine, tmp_path, obstacle):
    machine.add(BIG)
    if obstacle == "file":
        machine.path.rename(tmp_path / "old")
        machine.path.touch()
    elif obstacle == "link":
        machine.path.rename(tmp_path / "old")
        machine.path.symlink_to(tmp_path / "old")
    else:
        machine.path.chmod(0o777)
    assert machine.fetch(BIG) is None
    before = {path for path in tmp_path.rglob("*") if path.is_file() and path.parent != tmp_path}
    machine.add(b"other" * 100)
    assert {path for path in tmp_path.rglob("*") if path.is_file() and path.parent != tmp_path} == before
    with pytest.raises(errors.CacheError, match=r"cache/contents is not a directory that only you can write to"):
        contents.require_private(machine.path)


def test_a_cache_directory_that_cannot_be_made_changes_nothing(machine):
    machine.settings.cache_dir.touch()
    machine.add(BIG)
    machine.add_small(*(b"%d" % number for number in range(1000)))
    assert machine.fetch(BIG) is None


def test_its_directories_are_for_their_owner_only(machine):
    machine.add(BIG)
    machine.add_small(*(b"%d" % number for number in range(1000)))
    for path in (machine.path, *machine.path.iterdir()):
        assert stat.S_IMODE(path.stat().st_mode) == (0o600 if path.is_file() else 0o700)


SCRIPT_LIMITED = """
import resource, sys
sys.path.insert(0, {root!r})
from pathlib import Path
from tests.sdk.local_cache.conftest import Machine
import os
machine = Machine(Path({directory!r}))
os.link = lambda *args: (_ for _ in ()).throw(OSError(18, "cross-device"))
content = b"weights " * (256 << 10)
path = machine.new_path()
path.write_bytes(content)
contents = machine.open()
resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
import signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
from tests.sdk.local_cache.conftest import sha256
contents.add(sha256(content), str(path), len(content))
contents.add(sha256(b"small"), "", 5, b"small")
contents.close()
assert path.read_bytes() == content
"""


def test_a_disk_that_takes_no_more_leaves_nothing_incomplete(machine):
    root = str(Path(__file__).parents[3])
    script = SCRIPT_LIMITED.format(root=root, directory=str(machine.root))
    subprocess.run([sys.executable, "-c", script], check=True)
    assert machine.files() == []


def test_a_disk_with_little_room_gets_no_copies(machine, monkeypatch):
    monkeypatch.setattr(content_files.shutil, "disk_usage", lambda path: type("Usage", (), {"total": 100, "free": 6}))
    monkeypatch.setattr(os, "link", lambda *args: (_ for _ in ()).throw(OSError(18, "Invalid cross-device link")))
    machine.add(b"12")
    assert machine.files() == []
    machine.add(b"1")
    assert len(machine.files()) == 1


def test_one_download_does_not_push_out_what_it_has_just_added(machine):
    cache = machine.open(cache_size=25)
    for content in (b"0123456789", b"9876543210", b"abcdefghij", b"kl"):
        path = machine.new_path()
        path.write_bytes(content)
        cache.add(sha256(content), str(path), len(content))
    cache.close()
    assert machine.fetch(b"0123456789") and machine.fetch(b"9876543210") and machine.fetch(b"kl")
    assert machine.fetch(b"abcdefghij") is None


def test_it_can_be_switched_off(machine):
    machine.add(BIG)
    assert machine.fetch(BIG, cache_size=0) is None
    machine.add(b"other" * 100, cache_size=0)
    assert len(machine.files()) == 1


# --- Shared caches ----------------------------------------------------------------------------------------------------


def test_a_shared_cache_is_read_and_never_written(machine, tmp_path):
    machine.add(BIG)
    machine.add_small(*(b"%d" % number for number in range(1000)))
    shared = tmp_path / "shared"
    machine.settings.cache_dir.rename(shared)
    before = {path: path.stat().st_mtime_ns for path in shared.rglob("*")}
    assert machine.fetch(BIG, shared_caches=(tmp_path / "absent", shared))
    cache = machine.open(shared_caches=(shared,))
    assert dict(cache.read_small({sha256(b"7"): 1, sha256(b"8"): 1})) == {sha256(b"7"): b"7", sha256(b"8"): b"8"}
    assert {path: path.stat().st_mtime_ns for path in shared.rglob("*")} == before
    assert machine.files() == []


def test_nothing_of_a_shared_cache_is_trusted(machine, tmp_path):
    machine.add(BIG).unlink()
    [cached] = machine.files()
    result = cached.stat()
    with cached.open("r+b") as file:
        file.write(b"W")
    os.utime(cached, ns=(result.st_atime_ns, result.st_mtime_ns))
    shared = tmp_path / "shared"
    machine.settings.cache_dir.rename(shared)
    assert machine.fetch(BIG, shared_caches=(shared,)) is None
    machine.add(BIG)
    assert machine.fetch(BIG, shared_caches=(shared,))
    assert len(list(shared.rglob(f"{sha256(BIG)}*"))) == 1


# --- Several processes ------------------------------------------------------------------------------------------------


SCRIPT = """
import os, sys
sys.path.insert(0, {root!r})
from pathlib import Path
from tests.sdk.local_cache.conftest import Machine, sha256
machine = Machine(Path({directory!r}))
machine._count = os.getpid() * 100_000
print("begins", flush=True)
size = 300_000
for turn in range(10):
    for number in range(8):
        content = bytes([number]) * 50_000
        if machine.fetch(content, cache_size=size) is None:
            machine.add(content, cache_size=size)
    several = {{sha256(b"%d" % number): b"%d" % number for number in range(turn, turn + 300)}}
    found = dict(machine.open(cache_size=size).read_small({{d: len(c) for d, c in several.items()}}))
    assert found.items() <= several.items()
    machine.add_small(*several.values())
"""


def test_processes_add_read_and_evict_the_same_at_once(machine):
    script = SCRIPT.format(root=str(Path(__file__).parents[3]), directory=str(machine.root))
    processes = [subprocess.Popen([sys.executable, "-c", script], stderr=subprocess.PIPE) for _ in range(4)]
    for process in processes:
        assert process.wait() == 0, process.stderr.read().decode()
        process.stderr.close()
    assert list((machine.path / "temporary").iterdir()) == []


def test_processes_killed_at_any_moment_leave_nothing_wrong(machine):
    script = SCRIPT.format(root=str(Path(__file__).parents[3]), directory=str(machine.root))
    for _ in range(4):
        process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
        with process.stdout:
            process.stdout.readline()
            time.sleep(random.random() / 2)
        process.kill()
        process.wait()
        assert all(content_eviction.is_correct(file, ignore_progress) for file in content_eviction.scan(machine.path))
    machine.add(BIG)
    assert machine.fetch(BIG)
    assert list((machine.path / "temporary").iterdir()) == []


KILLED = """
import os, sys
sys.path.insert(0, {root!r})
from pathlib import Path
from tests.sdk.local_cache.conftest import Machine
machine = Machine(Path({directory!r}))
os.replace = lambda *args: os.kill(os.getpid(), 9)
machine.add_small(b"content")
"""


def test_what_a_killed_process_left_is_deleted_by_the_next(machine):
    script = KILLED.format(root=str(Path(__file__).parents[3]), directory=str(machine.root))
    assert subprocess.run([sys.executable, "-c", script]).returncode == -9
    assert len(machine.files()) == 1
    assert machine.fetch(b"content") is None
    machine.add(BIG)
    assert list((machine.path / "temporary").iterdir()) == []
