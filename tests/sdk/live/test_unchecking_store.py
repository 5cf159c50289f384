"""The SDK against a server whose object store checks nothing: it logs, shares and downloads as with any other."""

import os
from pathlib import Path

import pytest

import wanllmdb as wandb
from harness import servers
from wanllmdb.sdk.transfer.hashes import MIB, MULTIPART_ABOVE


@pytest.fixture(scope="session")
def stack() -> servers.Stack:
    return servers.Stack("unchecked", servers.unchecking_store())


@pytest.fixture
def data(tmp_path) -> Path:
    """Some small files, a medium one, one in parts, and an empty one."""
    data = tmp_path / "data"
    (data / "sub").mkdir(parents=True)
    for name, size in {
        "a.csv": 1000,
        "sub/b.bin": 2 * MIB,
        "c.bin": 10,
        "empty": 0,
        "big": MULTIPART_ABOVE + 1,
    }.items():
        (data / name).write_bytes(os.urandom(size))
    return data


def contents(root: Path | str) -> dict[str, bytes]:
    root = Path(root)
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def logged(run: wandb.Run, data: Path) -> wandb.Artifact:
    artifact = wandb.Artifact("data", "dataset")
    artifact.add_dir(data)
    return run.log_artifact(artifact)


def test_versions_are_logged_and_downloaded(run, data, tmp_path, stored_keys):
    first = logged(run, data)
    assert (first.version, first.file_count) == ("v1", 5)
    assert contents(first.download(tmp_path / "one")) == contents(data)
    # What arrived elsewhere was copied, and is deleted there by a worker.
    assert any(key.startswith("projects/") and key.endswith("/sub/b.bin") for key in stored_keys())

    (data / "a.csv").write_text("changed")
    second = logged(run, data)
    assert second.version == "v2"
    assert contents(second.download(tmp_path / "two")) == contents(data)
    assert logged(run, data).version == "v2"
