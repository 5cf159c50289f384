"""Files from the bytes of objects that a test holds: whole under their names, or not there, whatever the store does."""

import hashlib
import os
import random
import threading
from itertools import pairwise

import pytest

from wanllmdb.sdk import errors
from wanllmdb.sdk.connection_errors import ObjectStoreError
from wanllmdb.sdk.manifest import Entry
from wanllmdb.sdk.progress import ignore_progress
from wanllmdb.sdk.transfer import download, file_assembly
from wanllmdb.sdk.transfer.download_directory import TEMP_PREFIX, DownloadDirectory
from wanllmdb.sdk.transfer.file_assembly import RANGE_SIZE
from wanllmdb.sdk.transfer.hashes import MIB
from wanllmdb.sdk.transfer.remote_manifest import RemoteFile

GONE = ObjectStoreError("http://store/old", 404, "<Code>NoSuchKey</Code>")


class Objects:
    """A manifest over objects in memory, which notes what is asked of it. `places`: path to (url, offset)."""

    prefix = ""
    only = None

    def __init__(self, contents: dict[str, bytes], places: dict[str, tuple[str, int]], objects: dict[str, bytes]):
        self.contents, self.places, self.objects = contents, places, objects
        self.requests: list[tuple[str, int, int]] = []
        self.renewed: list[list[str]] = []
        self.extents: dict[str, tuple[tuple[str, int, int], ...]] = {}
        self.moved: dict[str, tuple[str, int]] = {}
        self.entries = []

    def file(self, path: str) -> RemoteFile:
        content = self.contents[path]
        entry = Entry(path, len(content), hashlib.sha256(content).hexdigest())
        if path in self.extents:
            return RemoteFile(entry, extents=self.extents[path])
        return RemoteFile(entry, *self.places[path])

    def pages(self):
        yield [self.file(path) for path in sorted(self.contents)]

    def locate(self, files):
        return [files]

    def renew(self, files):
        self.renewed.append([file.entry.path for file in files])
        places = [self.moved[file.entry.path] for file in files]
        return [file._replace(url=url, offset=offset) for file, (url, offset) in zip(files, places, strict=True)]

    def download_range(self, url, start, length, write):
        self.requests.append((url, start, length))
        if url not in self.objects:
            raise GONE
        body = self.objects[url][start : start + length]
        for first in range(0, len(body), MIB):
            write(body[first : first + MIB])


def run(manifest: Objects, root) -> int:
    return download.download(manifest, DownloadDirectory(root), None, ignore_progress)


def contents(root) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


@pytest.fixture
def root(tmp_path):
    return tmp_path / "root"


@pytest.fixture
def small() -> dict[str, bytes]:
    source = random.Random(7)
    return {f"d{number % 7}/{number:04}": source.randbytes(source.randrange(5_000)) for number in range(1_500)}


def packed(files: dict[str, bytes], url: str = "pack") -> Objects:
    places, body = {}, b""
    for path, content in files.items():
        places[path] = url, len(body)
        body += content
    return Objects(files, places, {url: body})


@pytest.fixture
def large() -> bytes:
    return random.Random(8).randbytes(5 * RANGE_SIZE + 12_345)


def test_many_small_files_of_a_pack_are_one_request(root, small):
    manifest = packed(small)
    assert run(manifest, root) == len(small)
    assert contents(root) == small
    assert len(manifest.requests) == 1


def test_wrong_bytes_are_asked_for_once_more_and_never_written(root, small, monkeypatch):
    manifest = packed(small)
    right, wrong = manifest.objects["pack"], bytearray(manifest.objects["pack"])
    (_, first), (_, second) = manifest.places["d1/0008"], manifest.places["d2/0100"]
    wrong[first] ^= 1
    wrong[second] ^= 1
    manifest.objects["pack"] = bytes(wrong)
    with pytest.raises(errors.CorruptDownload, match="'d1/0008' differ"):
        run(manifest, root)
    left = {path: content for path, content in small.items() if path not in ("d1/0008", "d2/0100")}
    assert contents(root) == left
    assert not list(root.glob(f"{TEMP_PREFIX}*"))
    manifest.objects["pack"] = right
    manifest.requests.clear()
    assert run(manifest, root) == 2
    assert contents(root) == small
    assert sum(length for _, _, length in manifest.requests) < len(right) // 2


def test_a_pack_that_was_moved_is_looked_up_once(root, small):
    manifest = packed(small)
    body = manifest.objects.pop("pack")
    manifest.objects["new"] = b"gap" + body
    manifest.moved = {path: ("new", offset + 3) for path, (_, offset) in manifest.places.items()}
    run(manifest, root)
    assert contents(root) == small
    assert [url for url, _, _ in manifest.requests] == ["pack", "new"]
    assert [len(paths) for paths in manifest.renewed] == [len(small)]


def test_a_pack_that_stays_away_is_an_error_and_nothing_is_left(root, small):
    manifest = packed(small)
    manifest.objects.clear()
    manifest.moved = manifest.places
    with pytest.raises(ObjectStoreError, match="404 NoSuchKey"):
        run(manifest, root)
    assert contents(root) == {}
    assert len(manifest.requests) == 3


def test_a_large_file_comes_in_ranges_that_are_each_asked_for_once(root, large):
    manifest = Objects({"large": large}, {"large": ("object", 0)}, {"object": large})
    run(manifest, root)
    assert contents(root) == {"large": large}
    expected = [(start, min(RANGE_SIZE, len(large) - start)) for start in range(0, len(large), RANGE_SIZE)]
    assert sorted((start, length) for _, start, length in manifest.requests) == expected


def test_ranges_that_arrive_in_any_order_make_one_file_and_few_wait(root, large, monkeypatch):
    """The first range is held back until as many others as may wait have come."""
    monkeypatch.setattr(file_assembly, "MAX_HELD", 4 * RANGE_SIZE)
    manifest = Objects({"large": large}, {"large": ("object", 0)}, {"object": large})
    fetch, came, others = manifest.download_range, [], threading.Event()

    def hold_back(url, start, length, write):
        if start == 0:
            assert others.wait(30)
        fetch(url, start, length, write)
        came.append(start // RANGE_SIZE)
        if len(came) == 3:
            others.set()

    manifest.download_range = hold_back
    run(manifest, root)
    assert contents(root) == {"large": large}
    assert sorted(came[:3]) == [1, 2, 3]


def test_what_waits_takes_no_more_memory_than_its_bytes(root, large, monkeypatch):
    """However small the pieces are in which it comes; and what was hashed makes room for what comes."""
    made = []
    monkeypatch.setattr(file_assembly, "bytearray", lambda *size: made.append(size) or bytearray(*size), raising=False)
    step = 100_003
    manifest = Objects({"large": large}, {}, {"object": large})
    manifest.extents["large"] = tuple(
        ("object", start, min(step, len(large) - start)) for start in range(0, len(large), step)
    )
    fetch, came = manifest.download_range, threading.Semaphore(0)
    count = -(-len(large) // RANGE_SIZE)

    def hold_back(url, start, length, write):
        if start == 0:
            for _ in range(count - 1):
                assert came.acquire(timeout=30)
        fetch(url, start, length, write)
        if (start + length) % RANGE_SIZE == 0 or start + length == len(large):
            came.release()

    manifest.download_range = hold_back
    run(manifest, root)
    assert contents(root) == {"large": large}
    # The first range is the last to come, and finds what the others have left.
    assert 0 < made.count((MIB,)) <= -(-len(large) // MIB)


@pytest.mark.parametrize("position", [0, RANGE_SIZE, -1])
def test_a_large_file_with_a_wrong_byte_gets_no_name(root, large, position):
    wrong = bytearray(large)
    wrong[position] ^= 1
    manifest = Objects({"large": large}, {"large": ("object", 0)}, {"object": bytes(wrong)})
    with pytest.raises(errors.CorruptDownload, match="'large' differ"):
        run(manifest, root)
    assert list(root.iterdir()) == []


def test_a_large_file_that_is_moved_in_the_middle_goes_on_where_it_was(root, large):
    """The URL expires after a MiB of each range; then the object is elsewhere."""
    manifest = Objects({"large": large}, {"large": ("object", 0)}, {"object": large, "new": b"before" + large})
    manifest.moved = {"large": ("new", 6)}
    fetch = manifest.download_range

    def expire(url, start, length, write):
        if url == "object" and length > MIB:
            fetch(url, start, MIB, write)
            raise GONE
        fetch(url, start, length, write)

    manifest.download_range = expire
    run(manifest, root)
    assert contents(root) == {"large": large}
    # Nothing is asked for twice.
    assert sum(length for _, _, length in manifest.requests) == len(large)


def test_a_file_of_pieces_is_put_together_in_their_order(root, large):
    cuts = [0, 700_000, 700_001, 9 * MIB, 20 * MIB + 5, len(large)]
    pieces = [large[start:end] for start, end in pairwise(cuts)]
    manifest = Objects({"large": large, "small": pieces[1]}, {"small": ("b", 3)}, {})
    manifest.objects = {"a": pieces[0] + pieces[2], "b": b"xyz" + pieces[1] + pieces[4], "c": pieces[3]}
    manifest.extents["large"] = (
        ("a", 0, len(pieces[0])), ("b", 3, 1), ("a", len(pieces[0]), len(pieces[2])), ("c", 0, len(pieces[3])),
        ("b", 4, len(pieces[4])),
    )  # fmt: skip
    run(manifest, root)
    assert contents(root) == {"large": large, "small": pieces[1]}


def test_the_same_contents_are_fetched_once(root):
    content = os.urandom(100_000)
    manifest = Objects({"a": content, "b/c": content}, {"a": ("object", 0), "b/c": ("object", 0)}, {"object": content})
    run(manifest, root)
    assert contents(root) == {"a": content, "b/c": content}
    assert len(manifest.requests) == 1


def test_empty_files_need_no_request(root):
    manifest = Objects({"a": b"", "b": b""}, {"a": ("pack", 0), "b": ("pack", 0)}, {})
    run(manifest, root)
    assert contents(root) == {"a": b"", "b": b""}
    assert manifest.requests == []
