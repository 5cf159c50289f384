"""What a function is told of a log and of a download."""

import json
import os
import subprocess
import sys
from itertools import groupby

import pytest

import wanllmdb as wandb
from wanllmdb.sdk.transfer.hashes import MIB


@pytest.fixture
def data(tmp_path):
    """Small files that are sent in a pack, two of them the same, and a large one."""
    (tmp_path / "data").mkdir()
    for name, content in (("a", b"a"), ("b", b"bb"), ("same", b"a"), ("large", os.urandom(2 * MIB))):
        (tmp_path / "data" / name).write_bytes(content)
    return tmp_path / "data"


def last_of(told):
    """The last that was told of each phase, by its name, in their order."""
    last = {}
    for name, group in groupby(told, lambda progress: progress.phase):
        last[name] = list(group)[-1]
    return last


def test_a_log_and_a_download_tell_their_phases(run, data, tmp_path, monkeypatch):
    told = []
    artifact = run.log_artifact(data, name="data", progress=told.append)
    phases = last_of(told)
    assert list(phases) == ["preparing", "hashing", "registering", "uploading", "finalizing"]
    size = 2 * MIB + 4
    assert phases["hashing"] == wandb.TransferProgress("hashing", 4, 4, size, size)
    assert (phases["registering"].files_done, phases["registering"].files_total) == (4, 4)
    # The same contents are sent once.
    assert phases["uploading"] == wandb.TransferProgress("uploading", 3, 3, size - 1, size - 1)

    told.clear()
    artifact.download(tmp_path / "copy", progress=told.append)
    phases = last_of(told)
    assert {"waiting", "listing"} < phases.keys()
    assert phases["downloading"] == wandb.TransferProgress("downloading", 4, 4, size, size)

    told.clear()
    monkeypatch.setenv("WANLLMDB_HASH_CACHE", "false")
    wandb.Api().artifact(artifact.qualified_name).download(tmp_path / "copy", progress=told.append)
    phases = last_of(told)
    assert phases["verifying"] == wandb.TransferProgress("verifying", 4, 4, size, size)
    assert phases["downloading"] == wandb.TransferProgress("downloading", 4, 4, size, size)


def test_a_log_in_the_background_tells_too_and_a_failing_function_stops_nothing(run, data, capsys):
    def fail(progress):
        raise ValueError("no such widget")

    artifact = run.log_artifact(data, name="data", wait=False, progress=fail)
    assert artifact.wait().version == "v1"
    assert capsys.readouterr().err.count("the progress function failed") == 1


def test_an_offline_run_copies(bob, data, project):
    told = []
    with wandb.init(project=project, mode="offline") as run:
        run.log_artifact(data, name="data", progress=told.append)
    assert list(last_of(told)) == ["preparing", "hashing", "copying"]
    assert last_of(told)["copying"].files_done == 4


def test_the_command_line_prints_lines_of_json(bob, data, project, tmp_path):
    def wanllmdb(*arguments):
        command = [sys.executable, "-m", "wanllmdb", "artifact", *arguments, "--progress-json"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return done.stdout, [json.loads(line) for line in done.stderr.splitlines()]

    _, told = wanllmdb("put", str(data), "--name", f"{project}/data")
    assert {"phase": "finalizing", "files_done": 0, "files_total": None, "bytes_done": 0, "bytes_total": None} in told
    out, told = wanllmdb("get", f"{project}/data:latest", "--root", str(tmp_path / "copy"))
    assert told[-1]["phase"] == "downloading"
    assert "Downloaded" in out
