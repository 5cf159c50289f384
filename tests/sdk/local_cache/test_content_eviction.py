"""What leaves the cache of contents, and when."""

import os
import time

import pytest

from tests.sdk.local_cache.conftest import sha256
from wanllmdb.sdk.local_cache import content_eviction, content_files

HOUR = 3600


@pytest.fixture
def at(machine):
    """`at(hours, content)`: it was used last so many hours ago."""

    def move(hours, content):
        note = next(machine.path.glob(f"files/*/{sha256(content)}-*")).with_name(f"{sha256(content)}.used")
        note.touch()
        for path in note.parent.glob(f"{sha256(content)}*"):
            os.utime(path, (time.time() - hours * HOUR,) * 2)

    return move


def in_cache(machine, *several):
    return [content for content in several if list(machine.path.glob(f"files/*/{sha256(content)}-*"))]


def test_what_was_not_used_for_the_longest_time_leaves_first(machine, at):
    old, used, new = (bytes([number]) * 1000 for number in range(3))
    for content, hours in ((old, 2), (used, 3), (new, 1)):
        machine.add(content)
        at(hours, content)
    machine.fetch(used)
    machine.add(b"x" * 1000, cache_size=3500)
    assert in_cache(machine, old, used, new) == [used, new]
    assert not list(machine.path.glob(f"files/*/{sha256(old)}*"))
    machine.add(b"y" * 1000, cache_size=3500)
    assert in_cache(machine, old, used, new) == [used]


def test_a_pack_is_used_whenever_one_of_its_contents_is(machine):
    for number in range(2):
        machine.add_small(*(b"%d %d" % (number, index) for index in range(300)))
        for pack in machine.files():
            os.utime(pack, (pack.stat().st_mtime - HOUR,) * 2)
    first = {sha256(b"0 7"): 3}
    assert dict(machine.open().read_small(first))
    size = max(path.stat().st_size for path in machine.files())
    content_eviction.prune(machine.path, size)
    assert len(machine.files()) == 1
    assert dict(machine.open().read_small(first))


def test_there_are_not_too_many_files(machine, at, monkeypatch):
    monkeypatch.setattr(content_eviction, "MAX_FILES", 10)
    several = [bytes([number]) for number in range(11)]
    for number, content in enumerate(several):
        machine.add(content)
        at(20 - number, content)
    assert in_cache(machine, *several) == several[-9:]


def test_all_is_only_listed_when_it_may_be_too_much(machine, monkeypatch):
    scans = []
    scan = content_eviction.scan
    monkeypatch.setattr(content_eviction, "scan", lambda path: scans.append(path) or scan(path))
    for number in range(12):
        machine.add(bytes([number]) * 1000, cache_size=10_000)
    assert len(scans) == 2  # at first, and with the eleventh, which left room for the twelfth
    assert sum(file.size for file in scan(machine.path)) == 10_000
    growth = machine.path / "growth"
    growth.write_text("torn")
    machine.add(b"more", cache_size=10_000)
    assert len(scans) == 3
    growth.unlink()
    machine.add(b"and more", cache_size=10_000)
    assert len(scans) == 4


@pytest.mark.parametrize("is_linked", [False, True])
def test_a_full_disk_is_given_back_what_deleting_frees(machine, monkeypatch, is_linked):
    first, second = machine.add(b"first"), machine.add(b"second")
    if not is_linked:
        first.unlink()
        second.unlink()
    [one, two] = content_eviction.scan(machine.path)
    monkeypatch.setattr(content_eviction, "free_space", lambda path: -1)
    deleted = content_eviction.prune(machine.path, 10**9)
    assert deleted == ([one, two] if is_linked else [one])
    assert not is_linked or (first.read_bytes(), second.read_bytes()) == (b"first", b"second")


def test_what_is_left_free_depends_on_the_size_of_the_disk(monkeypatch):
    usage = type("Usage", (), {"total": 1000, "free": 60})
    monkeypatch.setattr(content_files.shutil, "disk_usage", lambda path: usage)
    assert content_files.free_space(".") == 10
    usage.total, usage.free = 100 << 40, 11 << 30
    assert content_files.free_space(".") == 1 << 30


def test_what_a_killed_download_of_another_machine_left_goes_after_a_day(machine):
    machine.add(b"content")
    fresh, stale = machine.path / "temporary/fresh", machine.path / "temporary/stale"
    for path, hours in ((fresh, 23), (stale, 25)):
        path.mkdir()
        (path / "1").touch()
        os.utime(path, (time.time() - hours * HOUR,) * 2)
    machine.add(b"other content")
    assert fresh.exists()
    assert not stale.exists()


def test_what_another_process_has_deleted_is_no_error(machine, monkeypatch):
    machine.add(b"content")
    scanned = content_eviction.scan(machine.path)
    monkeypatch.setattr(content_eviction, "scan", lambda path: scanned)
    assert content_eviction.prune(machine.path, 0) == content_eviction.prune(machine.path, 0) == scanned
    monkeypatch.undo()
    assert content_eviction.prune(machine.path, 0) == []


def test_an_empty_or_absent_cache_has_nothing_to_delete(machine):
    assert content_eviction.prune(machine.path, 0) == []
    assert not machine.path.exists()
