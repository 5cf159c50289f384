import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import wanllmdb as wandb
from tests import servers
from wanllmdb.sdk.transfer import download_directory, remote_manifest
from wanllmdb.sdk.transfer.hashes import MIB


@pytest.fixture
def data(tmp_path) -> Path:
    data = tmp_path / "data"
    (data / "train/deep").mkdir(parents=True)
    (data / "test").mkdir()
    for number in range(50):
        (data / "train" / f"{number:02}.bin").write_bytes(os.urandom(10_000))
    (data / "train/deep/empty").touch()
    (data / "test/a.csv").write_text("a")
    (data / "test/a.csv.bak").write_text("b")
    (data / "weights.bin").write_bytes(os.urandom(40 * MIB))
    (data / "copy.bin").write_bytes((data / "weights.bin").read_bytes())
    return data


@pytest.fixture
def artifact(run, data) -> wandb.Artifact:
    artifact = wandb.Artifact("data", "dataset")
    artifact.add_dir(data)
    return run.log_artifact(artifact)


def contents(root: Path | str) -> dict[str, bytes]:
    root = Path(root)
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_it_lands_below_the_working_directory(artifact, data, tmp_path, monkeypatch):
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    assert artifact.download() == str(tmp_path / "work/artifacts/data:v1")
    assert contents("artifacts/data:v1") == contents(data)


def test_what_is_there_and_right_is_kept_and_the_rest_is_mended(artifact, data, tmp_path):
    root = Path(artifact.download(tmp_path / "down"))
    kept = root / "weights.bin"
    before = kept.stat()
    (root / "train/00.bin").write_bytes(b"x" * 10_000)
    (root / "train/01.bin").write_bytes(b"short")
    (root / "train/02.bin").unlink()
    (root / "mine.txt").write_text("not of the artifact")
    artifact.download(root)
    assert (kept.stat().st_ino, kept.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert contents(root) == {**contents(data), "mine.txt": b"not of the artifact"}


def test_a_prefix_brings_a_part(artifact, tmp_path):
    root = artifact.download(tmp_path / "down", path_prefix="test/")
    assert sorted(contents(root)) == ["test/a.csv", "test/a.csv.bak"]


def test_one_file_comes_alone(artifact, data, tmp_path):
    place = artifact.get_entry("test/a.csv").download(tmp_path / "down")
    assert Path(place) == tmp_path / "down/test/a.csv"
    assert sorted(contents(tmp_path / "down")) == ["test/a.csv"]
    assert artifact.get_path("test/a.csv").size == 1
    with pytest.raises(wandb.NotFound):
        artifact.get_entry("test")
    with pytest.raises(wandb.Invalid, match="file\\(\\) is for artifacts of exactly one"):
        artifact.file()


def test_verify_names_what_is_wrong(artifact, tmp_path):
    root = Path(artifact.download(tmp_path / "down"))
    artifact.verify(root)
    (root / "train/00.bin").write_bytes(b"x" * 10_000)
    (root / "train/01.bin").unlink()
    (root / "mine.txt").touch()
    with pytest.raises(wandb.CorruptDownload, match=r"2 missing or changed .* 1 not of the artifact") as wrong:
        artifact.verify(root)
    assert sorted(wrong.value.problem["paths"]) == ["mine.txt", "train/00.bin", "train/01.bin"]


def test_nothing_is_written_through_a_link_that_lies_there(artifact, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "down").mkdir()
    (tmp_path / "down/train").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(wandb.InvalidPath):
        artifact.download(tmp_path / "down")
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_link_in_the_place_of_a_file_is_replaced_not_followed(artifact, data, tmp_path):
    (tmp_path / "victim").write_bytes(b"precious")
    (tmp_path / "down/test").mkdir(parents=True)
    (tmp_path / "down/test/a.csv").symlink_to(tmp_path / "victim")
    artifact.download(tmp_path / "down")
    assert (tmp_path / "victim").read_bytes() == b"precious"
    assert contents(tmp_path / "down") == contents(data)


def test_bytes_that_changed_in_the_store_are_noticed(artifact, stack, tmp_path, stored):
    hands = servers.s3(stack.env)
    keys = [key for key in stored() if artifact.id in key]
    large = next(key for key in keys if key.endswith(".bin"))
    pack = next(key for key in keys if "/.packs/" in key)
    for key in (large, pack):
        body = bytearray(hands.get_object(Bucket=stack.env["S3_BUCKET"], Key=key)["Body"].read())
        body[len(body) // 2] ^= 1
        hands.put_object(Bucket=stack.env["S3_BUCKET"], Key=key, Body=bytes(body))
    with pytest.raises(wandb.CorruptDownload, match=r"bytes that came for .*bin' are not those that were logged"):
        artifact.download(tmp_path / "large", path_prefix="weights")
    with pytest.raises(wandb.CorruptDownload, match="bytes that came for 'train/"):
        artifact.download(tmp_path / "pack", path_prefix="train/")
    assert contents(tmp_path / "large") == {}
    assert not list((tmp_path / "pack").glob(f"{download_directory.TEMPORARY_PREFIX}*"))


def test_addresses_that_expired_are_renewed(artifact, data, tmp_path, monkeypatch):
    # The signature is made wrong, which the store answers as it answers one that is too old.
    page = remote_manifest.Locations._page
    asked = []

    def expired_at_first(self, cursor):
        answer = page(self, cursor)
        asked.append(cursor)
        if len(asked) == 1:
            for object_id in answer["objects"]:
                self._urls[object_id] = self._urls[object_id].replace("Signature=", "Signature=0")
        return answer

    monkeypatch.setattr(remote_manifest.Locations, "_page", expired_at_first)
    assert contents(artifact.download(tmp_path / "down")) == contents(data)
    assert len(asked) > 1


def test_several_processes_at_once_get_the_same(artifact, data, tmp_path):
    script = f"""
import wanllmdb
wanllmdb.Api().artifact({artifact.qualified_name!r}).download({str(tmp_path / "down")!r})
"""
    processes = [subprocess.Popen([sys.executable, "-c", script]) for _ in range(3)]
    assert [process.wait(60) for process in processes] == [0, 0, 0]
    assert contents(tmp_path / "down") == contents(data)


def test_a_killed_download_leaves_no_half_file_and_is_completed(artifact, data, tmp_path):
    script = f"""
import wanllmdb
from wanllmdb.sdk.transfer import file_assembly
write = file_assembly._write
def slowly(file, view):
    import time
    time.sleep(0.02)
    write(file, view)
file_assembly._write = slowly
wanllmdb.Api().artifact({artifact.qualified_name!r}).download({str(tmp_path / "down")!r})
"""
    process = subprocess.Popen([sys.executable, "-c", script])
    deadline = time.monotonic() + 30
    while not any((tmp_path / "down").glob(f"{download_directory.TEMPORARY_PREFIX}*/*")):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    time.sleep(0.1)
    process.send_signal(signal.SIGKILL)
    process.wait()
    (left,) = (tmp_path / "down").glob(f"{download_directory.TEMPORARY_PREFIX}*")
    whole = contents(data)
    for path, content in contents(tmp_path / "down").items():
        assert path.startswith(download_directory.TEMPORARY_PREFIX) or content == whole[path]
    again = wandb.Artifact("again", "dataset")
    again.add_dir(tmp_path / "down")
    assert not any(path.startswith(download_directory.TEMPORARY_PREFIX) for path in again._state.sources)
    artifact.download(tmp_path / "down")
    assert contents(tmp_path / "down") == whole
    assert not left.exists()


def test_a_server_that_sends_other_files_is_noticed(artifact, tmp_path, monkeypatch):
    page = remote_manifest.Locations._page

    def shortened(self, cursor):
        answer = page(self, cursor)
        return {**answer, "entries": answer["entries"][1:]}

    monkeypatch.setattr(remote_manifest.Locations, "_page", shortened)
    with pytest.raises(wandb.CorruptDownload, match="are not those that were logged"):
        artifact.download(tmp_path / "down")


@pytest.mark.parametrize("path", ["../escaped", "/tmp/escaped", "a/../../escaped", "..\\escaped"])
def test_a_server_that_sends_a_path_to_elsewhere_writes_nothing(artifact, tmp_path, monkeypatch, path):
    page = remote_manifest.Locations._page

    def turned(self, cursor):
        answer = page(self, cursor)
        answer["entries"][0]["path"] = path
        return answer

    monkeypatch.setattr(remote_manifest.Locations, "_page", turned)
    with pytest.raises(wandb.InvalidPath):
        artifact.download(tmp_path / "down")
    assert not any("escaped" in str(found) for found in tmp_path.rglob("*"))
