"""Manifests that are kept on the machine: read as they were written, forgotten when they are broken or too many."""

import os
import stat

import pytest

from wanllmdb.sdk.connection import connect
from wanllmdb.sdk.local_cache import manifests
from wanllmdb.sdk.manifest import Entry, Manifest
from wanllmdb.sdk.transfer import hashes

REFERENCE = Entry.of_reference("c", 7, "s3://data/c", "etag:abc", "v1")


def manifest_of(*entries: Entry) -> Manifest:
    return Manifest(entries, hashes.version_digest(entry.digest_item for entry in entries))


@pytest.fixture
def connection(home):
    return connect(mode="online", api_key="wllm_x", base_url="http://registry")


@pytest.fixture
def manifest() -> Manifest:
    return manifest_of(Entry("a/é", 3, "a" * 64, executable=True), Entry("b", 0, "b" * 64), REFERENCE)


@pytest.fixture
def files(connection):
    """The files in which manifests are kept."""
    return lambda: sorted((connection.settings.cache_dir / "manifests").iterdir())


def test_what_was_remembered_is_recalled(connection, manifest, files):
    manifests.remember(connection, "1", manifest)
    recalled = manifests.recall(connection, "1", manifest.digest)
    assert recalled is not None
    assert (list(recalled), recalled.digest) == (list(manifest), manifest.digest)
    assert manifests.recall(connection, "2", manifest.digest) is None
    [path] = files()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_versions_of_another_server_are_others(connection, manifest, home):
    manifests.remember(connection, "1", manifest)
    other = connect(mode="online", api_key="wllm_x", base_url="http://elsewhere")
    assert manifests.recall(other, "1", manifest.digest) is None


def test_another_digest_is_not_believed(connection, manifest, files):
    manifests.remember(connection, "1", manifest)
    assert manifests.recall(connection, "1", "0" * 64) is None
    assert files() == []


@pytest.mark.parametrize("damage", [b"", b"{}", b"\xff" * 100, "cut", "changed"])
def test_what_is_damaged_is_forgotten_and_written_anew(connection, manifest, files, damage):
    manifests.remember(connection, "1", manifest)
    [path] = files()
    content = path.read_bytes()
    if damage == "cut":
        damage = content[:-10]
    elif damage == "changed":
        damage = content.replace(b"a/", b"A/")
    path.write_bytes(damage)
    assert manifests.recall(connection, "1", manifest.digest) is None
    manifests.remember(connection, "1", manifest)
    assert manifests.recall(connection, "1", manifest.digest) is not None


@pytest.mark.parametrize(
    "entries",
    [[Entry("../escaped", 1, "a" * 64)], [Entry("/etc/passwd", 1, "a" * 64)], [Entry("a", 1, None, "b" * 32)]],
)
def test_what_must_not_be_downloaded_is_not_kept_or_not_recalled(connection, entries):
    manifest = manifest_of(*entries)
    manifests.remember(connection, "1", manifest)
    assert manifests.recall(connection, "1", manifest.digest) is None


def test_those_that_were_not_used_for_longest_are_forgotten(connection, manifest, files, monkeypatch):
    for number in range(4):
        manifests.remember(connection, str(number), manifest)
    for age, path in enumerate(files()):
        os.utime(path, (1_000_000 + age, 1_000_000 + age))
    oldest = files()[0]
    assert manifests.recall(connection, "0", manifest.digest) is not None
    used = max(files(), key=lambda path: path.stat().st_mtime)
    size = oldest.stat().st_size
    monkeypatch.setattr(manifests, "MAX_SIZE", size * 4)
    manifests.remember(connection, "4", manifest)
    kept = files()
    assert used in kept and manifests.recall(connection, "4", manifest.digest) is not None
    assert len(kept) == 3


def test_without_a_cache_nothing_is_kept_and_nothing_fails(connection, manifest):
    connection.settings.cache_dir.mkdir(parents=True, exist_ok=True)
    (connection.settings.cache_dir / "manifests").write_text("a file")
    manifests.remember(connection, "1", manifest)
    assert manifests.recall(connection, "1", manifest.digest) is None
