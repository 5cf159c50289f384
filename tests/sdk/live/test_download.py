import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import wanllmdb as wandb
from harness import servers
from tests.e2e.conftest import wait_until
from wanllmdb.sdk.transfer.download_directory import TEMP_PREFIX
from wanllmdb.sdk.transfer.hashes import MIB
from wanllmdb.sdk.transfer.remote_manifest import RemoteManifest


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


def test_the_default_directory_is_in_the_working_directory(artifact, data, tmp_path, monkeypatch):
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    root = f"artifacts/{artifact.entity}/{artifact.project}/data-v1"
    assert artifact.download() == str(tmp_path / "work" / root)
    assert contents(root) == contents(data)
    artifact.verify()
    monkeypatch.setitem(artifact._state.record, "artifact_name", "../../escaped")
    with pytest.raises(wandb.InvalidPath):
        artifact.download()


def test_correct_files_are_kept_and_others_are_replaced(artifact, data, tmp_path):
    root = Path(artifact.download(tmp_path / "down"))
    kept = root / "weights.bin"
    before = kept.stat()
    (root / "train/00.bin").write_bytes(b"x" * 10_000)
    (root / "train/01.bin").write_bytes(b"short")
    (root / "train/02.bin").unlink()
    (root / "mine.txt").write_text("unrelated")
    artifact.download(root)
    assert (kept.stat().st_ino, kept.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert contents(root) == {**contents(data), "mine.txt": b"unrelated"}


def test_a_prefix_downloads_some_files(artifact, tmp_path):
    root = artifact.download(tmp_path / "down", path_prefix="test/")
    assert sorted(contents(root)) == ["test/a.csv", "test/a.csv.bak"]


def test_a_prefix_is_a_folder_if_there_is_one(artifact, run, tmp_path, monkeypatch, home):
    other = wandb.Artifact("folders", "dataset")
    for path in ("train/a", "train/é", "training/b", "train.csv", "weights.bin", "weights.bin.bak"):
        with other.new_file(path) as file:
            file.write("x")
    run.log_artifact(other)
    found = {
        "train/": ["train/a", "train/é"],
        "./train": ["train/a", "train/é"],
        Path("train"): ["train/a", "train/é"],
        "train/e\u0301": ["train/é"],
        "trai": ["train.csv", "train/a", "train/é", "training/b"],
        "weights.bin": ["weights.bin"],
        ".": ["train.csv", "train/a", "train/é", "training/b", "weights.bin", "weights.bin.bak"],
    }
    for number, (prefix, expected) in enumerate(found.items()):
        root = other.download(f"~/back-{number}", path_prefix=prefix)
        assert root == str(home / f"back-{number}")
        assert sorted(contents(root)) == expected
    for absent in ("trian/", "weights.bin/", "./nothing", Path("tr") / "x"):
        with pytest.raises(wandb.NotFound, match="folders:v1 contains no path that starts with"):
            other.download(tmp_path / "absent", path_prefix=absent)
    assert not (tmp_path / "absent").exists()
    entry = other.get_entry("./train/e\u0301")
    assert entry.path == "train/é" and entry.path in other.manifest and "train/e\u0301" in other.manifest
    assert Path(entry.download("~/one")) == home / "one/train/é"
    other.verify("~/back-6")
    (home / "back-6/more").touch()
    other.download(Path("~/back-6"), exact=True)
    other.verify("~/back-6")


def test_a_single_file(artifact, data, tmp_path):
    path = artifact.get_entry("test/a.csv").download(tmp_path / "down")
    assert Path(path) == tmp_path / "down/test/a.csv"
    assert sorted(contents(tmp_path / "down")) == ["test/a.csv"]
    assert artifact.get_path("test/a.csv").size == 1
    with pytest.raises(wandb.NotFound):
        artifact.get_entry("test")
    with pytest.raises(wandb.Invalid, match="file\\(\\) is for artifacts with exactly one"):
        artifact.file()


def test_verify_names_wrong_files(artifact, tmp_path):
    root = Path(artifact.download(tmp_path / "down"))
    artifact.verify(root)
    (root / "train/00.bin").write_bytes(b"x" * 10_000)
    (root / "train/01.bin").unlink()
    (root / "mine.txt").touch()
    with pytest.raises(wandb.CorruptDownload, match=r"2 missing or changed .* 1 not part of the artifact") as error:
        artifact.verify(root)
    assert sorted(error.value.problem["paths"]) == ["mine.txt", "train/00.bin", "train/01.bin"]


def test_nothing_is_written_through_an_existing_link(artifact, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "down").mkdir()
    (tmp_path / "down/train").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(wandb.InvalidPath):
        artifact.download(tmp_path / "down")
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_link_at_the_path_of_a_file_is_replaced_not_followed(artifact, data, tmp_path):
    (tmp_path / "victim").write_bytes(b"precious")
    (tmp_path / "down/test").mkdir(parents=True)
    (tmp_path / "down/test/a.csv").symlink_to(tmp_path / "victim")
    artifact.download(tmp_path / "down")
    assert (tmp_path / "victim").read_bytes() == b"precious"
    assert contents(tmp_path / "down") == contents(data)


def test_corrupt_bytes_in_the_store_are_detected(artifact, stack, tmp_path, stored_keys):
    s3 = servers.s3(stack.env)
    keys = [key for key in stored_keys() if artifact.id in key]
    for key in keys:
        body = bytearray(s3.get_object(Bucket=stack.env["S3_BUCKET"], Key=key)["Body"].read())
        body[len(body) // 2] ^= 1
        s3.put_object(Bucket=stack.env["S3_BUCKET"], Key=key, Body=bytes(body))
    # Or the worker has noticed it before.
    with pytest.raises(wandb.CorruptDownload, match=r"'weights\.bin'"):
        artifact.download(tmp_path / "large", path_prefix="weights")
    with pytest.raises(wandb.CorruptDownload, match="'train/"):
        artifact.download(tmp_path / "pack", path_prefix="train/")
    assert contents(tmp_path / "large") == {}
    assert not list((tmp_path / "pack").glob(f"{TEMP_PREFIX}*"))


def test_expired_urls_are_renewed(artifact, data, tmp_path, monkeypatch):
    # The store answers a wrong signature like an expired one.
    fetch_page = RemoteManifest._fetch_page
    requested_cursors = []

    def first_page_expired(self, cursor, **query):
        page = fetch_page(self, cursor, **query)
        requested_cursors.append(cursor)
        if len(requested_cursors) == 1:
            for obj in page["objects"]:
                obj["url"] = obj["url"].replace("Signature=", "Signature=0")
        return page

    monkeypatch.setattr(RemoteManifest, "_fetch_page", first_page_expired)
    assert contents(artifact.download(tmp_path / "down")) == contents(data)
    assert requested_cursors == [None, ""]


def test_several_processes_at_once(artifact, data, tmp_path):
    script = f"""
import wanllmdb
wanllmdb.Api().artifact({artifact.qualified_name!r}).download({str(tmp_path / "down")!r})
"""
    processes = [subprocess.Popen([sys.executable, "-c", script]) for _ in range(3)]
    assert [process.wait() for process in processes] == [0, 0, 0]
    assert contents(tmp_path / "down") == contents(data)


def test_a_killed_download_leaves_no_incomplete_file_and_can_be_completed(artifact, data, tmp_path):
    script = f"""
import wanllmdb
from wanllmdb.sdk.transfer import file_assembly
write_all = file_assembly._write_all
def write_slowly(file, view):
    import time
    time.sleep(0.02)
    write_all(file, view)
file_assembly._write_all = write_slowly
wanllmdb.Api().artifact({artifact.qualified_name!r}).download({str(tmp_path / "down")!r})
"""
    process = subprocess.Popen([sys.executable, "-c", script])
    wait_until(lambda: any((tmp_path / "down").glob(f"{TEMP_PREFIX}*/*")))
    time.sleep(0.1)
    process.send_signal(signal.SIGKILL)
    process.wait()
    (stale,) = (tmp_path / "down").glob(f"{TEMP_PREFIX}*")
    complete = contents(data)
    for path, content in contents(tmp_path / "down").items():
        assert path.startswith(TEMP_PREFIX) or content == complete[path]
    again = wandb.Artifact("again", "dataset")
    again.add_dir(tmp_path / "down")
    assert not any(path.startswith(TEMP_PREFIX) for path in again._state.sources)
    artifact.download(tmp_path / "down")
    assert contents(tmp_path / "down") == complete
    assert not stale.exists()


def test_a_server_that_lists_other_files_is_detected(artifact, tmp_path, monkeypatch):
    fetch_page = RemoteManifest._fetch_page

    def shortened(self, cursor, **query):
        page = fetch_page(self, cursor, **query)
        columns = ("paths", "sizes", "sha256", "object", "offsets")
        return {**page, **{name: page[name][:-1] for name in columns}}

    monkeypatch.setattr(RemoteManifest, "_fetch_page", shortened)
    with pytest.raises(wandb.CorruptDownload, match="differ from the logged ones"):
        artifact.download(tmp_path / "down")


@pytest.mark.parametrize("path", ["../escaped", "/tmp/escaped", "a/../../escaped", "..\\escaped"])
def test_a_server_that_sends_an_unsafe_path_is_detected(artifact, tmp_path, monkeypatch, path):
    fetch_page = RemoteManifest._fetch_page

    def with_unsafe_path(self, cursor, **query):
        page = fetch_page(self, cursor, **query)
        page["paths"][0] = path
        return page

    monkeypatch.setattr(RemoteManifest, "_fetch_page", with_unsafe_path)
    with pytest.raises(wandb.InvalidPath):
        artifact.download(tmp_path / "down")
    assert not any("escaped" in str(path) for path in tmp_path.rglob("*"))


@pytest.fixture
def requested(monkeypatch) -> list[dict]:
    """What is asked of manifests: the query of each request."""
    queries: list[dict] = []
    fetch_page = RemoteManifest._fetch_page

    def note(self, cursor, **query):
        queries.append({"cursor": cursor, **query})
        return fetch_page(self, cursor, **query)

    monkeypatch.setattr(RemoteManifest, "_fetch_page", note)
    return queries


def test_the_list_of_files_is_asked_for_once(artifact, data, tmp_path, requested):
    root = Path(artifact.download(tmp_path / "down"))
    assert len(requested) == 1
    assert artifact.download(root) == str(root)
    assert len(requested) == 1
    (root / "train/07.bin").unlink()
    (root / "train/09.bin").write_bytes(b"changed")
    artifact.download(root, skip_cache=True)
    assert contents(root) == contents(data)
    # URLs of those from the first missing file to the last.
    assert requested[1:] == [{"cursor": None, "after": "train/06.bin", "limit": 3}]


def test_a_list_of_files_that_is_damaged_is_asked_for_again(artifact, data, tmp_path, requested, home):
    artifact.download(tmp_path / "down")
    for path in artifact._state.connection.settings.cache_dir.glob("manifests/*"):
        path.write_bytes(path.read_bytes().replace(b"train/", b"other/"))
    artifact.download(tmp_path / "again", skip_cache=True)
    assert contents(tmp_path / "again") == contents(data)
    assert len(requested) == 2


def test_a_large_list_of_files_comes_in_pages(artifact, data, tmp_path, monkeypatch):
    fetch_page = RemoteManifest._fetch_page
    monkeypatch.setattr(RemoteManifest, "_fetch_page", lambda self, cursor: fetch_page(self, cursor, limit=7))
    assert contents(artifact.download(tmp_path / "down", skip_cache=True)) == contents(data)
