"""What was downloaded on this machine is not downloaded again."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import wanllmdb as wandb
from wanllmdb.sdk.http_client import Client
from wanllmdb.sdk.transfer.hashes import MIB

SMALL_COUNT = 400


class Requests:
    """The ranges of objects that are fetched, in bytes."""

    def __init__(self) -> None:
        self.sizes: list[int] = []

    def take(self) -> list[int]:
        taken, self.sizes = self.sizes, []
        return taken


@pytest.fixture
def requests(monkeypatch) -> Requests:
    requests = Requests()
    download_range = Client.download_range

    def count(client, url, start, length, *args):
        requests.sizes.append(length)
        return download_range(client, url, start, length, *args)

    monkeypatch.setattr(Client, "download_range", count)
    return requests


@pytest.fixture
def data(tmp_path) -> Path:
    """Many small files, some of medium size, a large one, its copy, an empty one, a program."""
    data = tmp_path / "data"
    (data / "small").mkdir(parents=True)
    for number in range(SMALL_COUNT):
        (data / f"small/{number}.txt").write_bytes(os.urandom(number))
    for number in range(5):
        (data / f"medium-{number}.bin").write_bytes(os.urandom(200_000))
    (data / "weights.bin").write_bytes(os.urandom(20 * MIB))
    shutil.copy(data / "weights.bin", data / "copy.bin")
    (data / "run.sh").write_text("#!/bin/sh\n")
    (data / "run.sh").chmod(0o755)
    return data


@pytest.fixture
def log(run, data):
    def log_version() -> wandb.Artifact:
        artifact = wandb.Artifact("data", "dataset")
        artifact.add_dir(data)
        return run.log_artifact(artifact)

    return log_version


@pytest.fixture
def roots(tmp_path) -> Iterator[Path]:
    """New directories to download to."""
    return (tmp_path / f"root-{number}" for number in range(100))


def contents(root: Path | str) -> dict[str, bytes]:
    root = Path(root)
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_a_second_download_fetches_nothing_even_if_the_first_directory_is_gone(log, data, requests, roots):
    artifact = log()
    first = artifact.download(next(roots))
    assert requests.take()
    shutil.rmtree(first)
    root = Path(artifact.download(next(roots)))
    assert requests.take() == []
    assert contents(root) == contents(data)
    assert os.access(root / "run.sh", os.X_OK)
    artifact.verify(root)


def test_a_newer_version_over_an_older_one_fetches_what_differs(log, data, requests, roots):
    root = next(roots)
    log().download(root)
    requests.take()
    changed = {"small/7.txt": b"changed", "medium-3.bin": os.urandom(300_000), "new.bin": os.urandom(100_000)}
    for path, content in changed.items():
        (data / path).write_bytes(content)
    (data / "medium-4.bin").unlink()
    newer = log()
    for target in (root, next(roots)):
        newer.checkout(target)
        assert contents(target) == contents(data)
        assert sum(requests.take()) == (sum(map(len, changed.values())) if target == root else 0)


def test_without_the_cache_all_is_fetched_and_nothing_kept(log, data, requests, roots, home):
    artifact = log()
    for _ in range(2):
        assert contents(artifact.download(next(roots), skip_cache=True)) == contents(data)
        assert sum(requests.take()) > 20 * MIB
    artifact.get_entry("weights.bin").download(next(roots), skip_cache=True)
    root = next(roots)
    subprocess.run(
        [sys.executable, "-m", "wanllmdb", "artifact", "get", artifact.qualified_name, "--root", root, "--skip-cache"],
        check=True,
    )
    assert contents(root) == contents(data)
    assert not (home / "cache/wanllmdb/contents").exists()


def test_a_part_of_a_version_fills_the_cache_for_the_whole(log, data, requests, roots):
    artifact = log()
    artifact.download(next(roots), path_prefix="small")
    artifact.get_entry("weights.bin").download(next(roots))
    requests.take()
    assert contents(artifact.download(next(roots))) == contents(data)
    assert sum(requests.take()) < 1_500_000


def test_what_is_broken_in_the_cache_is_fetched_again(log, data, requests, roots, home):
    artifact = log()
    first = artifact.download(next(roots))
    shutil.rmtree(first)
    requests.take()
    for path in (home / "cache/wanllmdb/contents").rglob("*"):
        if path.is_file():
            content = bytearray(path.read_bytes())
            content[len(content) // 3] ^= 1
            path.write_bytes(content)
    assert contents(artifact.download(next(roots))) == contents(data)
    assert sum(requests.take()) > 20 * MIB
    assert contents(artifact.download(next(roots))) == contents(data)
    assert requests.take() == []


def test_files_of_the_cache_are_hard_links_where_that_is_asked_for(log, monkeypatch, roots, data):
    monkeypatch.setenv("WANLLMDB_CACHE_HARD_LINKS", "true")
    artifact = wandb.Api().artifact(log().qualified_name)
    one, two = (Path(artifact.download(next(roots))) for _ in range(2))
    assert (one / "copy.bin").samefile(two / "copy.bin")
    assert contents(two) == contents(data)
    with pytest.raises(PermissionError if os.geteuid() else AssertionError):
        (two / "copy.bin").write_bytes(b"changed")
        raise AssertionError  # root may write to anything
    assert os.access(two / "run.sh", os.X_OK)


def test_threads_and_processes_that_download_the_same_at_once_leave_one_complete_cache(log, python, roots, home):
    artifact, root = log(), next(roots)
    script = f"""
import subprocess, sys, threading, wanllmdb as wandb
if len(sys.argv) == 1:
    other = subprocess.Popen([sys.executable, "-c", script, "other"])
artifact = wandb.Api().artifact({artifact.qualified_name!r})
roots = [f"{root}/{{len(sys.argv)}}-{{number}}" for number in range(3)]
threads = [threading.Thread(target=artifact.download, args=(root,)) for root in roots]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
for root in roots:
    artifact.verify(root)
if len(sys.argv) == 1:
    assert other.wait() == 0
"""
    python(f"script = {script!r}\n{script}")
    assert list((home / "cache/wanllmdb/contents/temporary").iterdir()) == []
