"""Of a large file only what changed is sent and stored, and whoever reads it gets the bytes that were logged."""

import json
import os
import random
from pathlib import Path

import pytest

import wanllmdb as wandb
from harness import servers
from wanllmdb.sdk.cli import main
from wanllmdb.sdk.transfer import chunks
from wanllmdb.sdk.transfer.hashes import MIB

SIZE = 24 * MIB


@pytest.fixture
def file(tmp_path) -> Path:
    path = tmp_path / "weights.bin"
    path.write_bytes(random.Random(1).randbytes(SIZE))
    return path


@pytest.fixture
def stored_bytes(stack):
    """`stored_bytes()`: of all objects in the store."""
    s3 = servers.s3(stack.env)

    def add_up() -> int:
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=stack.env["S3_BUCKET"])
        return sum(obj["Size"] for page in pages for obj in page.get("Contents", ()))

    return add_up


def log(run: wandb.Run, path: Path, name: str = "model") -> wandb.Artifact:
    artifact = wandb.Artifact(name, "model")
    artifact.add_file(str(path))
    return run.log_artifact(artifact).wait()


def downloaded(run: wandb.Run, name: str, target: Path) -> bytes:
    return Path(run.use_artifact(name).download(str(target)), "weights.bin").read_bytes()


@pytest.mark.parametrize("has_extra", [True, False])
def test_a_change_sends_what_changed(run, file, tmp_path, stored_bytes, monkeypatch, has_extra):
    if not has_extra:
        monkeypatch.setattr(chunks, "find_spec", lambda name: None)
    first = file.read_bytes()
    before = stored_bytes()
    log(run, file)
    assert SIZE <= stored_bytes() - before <= SIZE + MIB

    second = bytearray(first)
    second[12 * MIB : 13 * MIB] = os.urandom(MIB)
    file.write_bytes(second)
    before = stored_bytes()
    log(run, file)
    assert MIB <= stored_bytes() - before <= 4 * MIB
    assert downloaded(run, "model:v1", tmp_path / "one") == first
    assert downloaded(run, "model:v2", tmp_path / "two") == second

    before = stored_bytes()
    assert log(run, file, "copy").version == "v1"
    assert stored_bytes() == before


def test_the_command_line_tells_what_is_saved(run, project, file, capsys):
    log(run, file)
    log(run, file, "copy")
    capsys.readouterr()
    main.app(["artifact", "usage", f"{project}/copy", "--json"], standalone_mode=False)
    assert json.loads(capsys.readouterr().out) == {"stored": 0, "logical": SIZE, "saved": SIZE}
    main.app(["artifact", "usage", f"{project}/model"], standalone_mode=False)
    assert capsys.readouterr().out.split("\n")[:3] == ["stored  24.0 MiB", "logical 24.0 MiB", "saved   0 B"]


def test_what_is_inserted_at_the_start_moves_nothing(run, file, tmp_path, stored_bytes):
    log(run, file)
    content = os.urandom(MIB) + file.read_bytes()
    file.write_bytes(content)
    before = stored_bytes()
    log(run, file)
    assert MIB <= stored_bytes() - before <= 4 * MIB
    assert downloaded(run, "model:v2", tmp_path / "two") == content


def test_one_who_does_not_cut_shares_the_whole(run, file, tmp_path, stored_bytes, monkeypatch):
    """And the other way round: each finds what the other has sent."""
    log(run, file)
    monkeypatch.setattr(chunks, "CUT_FROM", SIZE + 1)
    before = stored_bytes()
    log(run, file, "uncut")
    assert stored_bytes() == before
    content = os.urandom(SIZE)
    file.write_bytes(content)
    log(run, file, "uncut")
    monkeypatch.setattr(chunks, "CUT_FROM", SIZE)
    before = stored_bytes()
    log(run, file)
    assert stored_bytes() == before
    assert downloaded(run, "model:v2", tmp_path / "two") == content


def test_a_file_that_is_a_piece_of_another_is_logged_too(run, file, tmp_path):
    content = file.read_bytes()
    artifact = wandb.Artifact("both", "model")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "a.bin").write_bytes(content)
    (tmp_path / "folder" / "b.bin").write_bytes(content[: 9 * MIB])
    artifact.add_dir(str(tmp_path / "folder"))
    run.log_artifact(artifact).wait()
    target = Path(run.use_artifact("both:v1").download(str(tmp_path / "copy")))
    assert (target / "a.bin").read_bytes() == content
    assert (target / "b.bin").read_bytes() == content[: 9 * MIB]
