"""Mode `offline`: a program runs without a server, and what it logs is kept on this disk."""

import json
import pickle
import resource
import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import wanllmdb as wandb
from wanllmdb.sdk.offline import recorder, run_directory
from wanllmdb.sdk.offline.events import fold
from wanllmdb.sdk.offline.run_directory import RunDirectory


@pytest.fixture(autouse=True)
def offline(monkeypatch):
    def fail(*args):
        raise AssertionError("nothing must be sent")

    monkeypatch.setattr(socket.socket, "connect", fail)
    monkeypatch.setenv("WANLLMDB_MODE", "offline")
    monkeypatch.setenv("WANLLMDB_PROJECT", "acme/x")
    yield
    wandb.finish()


@pytest.fixture
def directories(home):
    """The directories of all runs so far, oldest first."""
    return lambda: run_directory.find(home / "cache/wanllmdb/offline")


def outcome_of(directory: RunDirectory):
    events, broken = directory.events()
    assert broken == 0
    return fold(directory.read(), events)


def make_draft(path: Path, text: str = "a") -> wandb.Artifact:
    artifact = wandb.Artifact("data", "dataset", metadata={"rows": 1})
    path.write_text(text)
    artifact.add_file(path, name="in/a.txt")
    return artifact


def test_threads_that_log_at_once_make_a_row_each(directories):
    values = [f"{name}{number}" for name in "abcd" for number in range(50)]
    with wandb.init() as run:
        run.define_metric("value")
        with ThreadPoolExecutor(4) as threads:
            list(threads.map(lambda value: run.log({"value": value}), values))

    rows = outcome_of(directories()[-1]).rows
    assert sorted(row["value"] for row in rows) == sorted(values)
    assert [row["_step"] for row in rows] == list(range(1, 201))


def test_a_run_is_kept_with_its_history_and_its_end(directories, capsys):
    with wandb.init(name="try", config={"lr": 1}, tags=["a"]) as run:
        assert (run.name, run.entity, run.project, run.url, run.is_online) == ("try", "acme", "x", None, False)
        wandb.log({"loss": 0.5, "bad": float("nan")})
        wandb.log({"loss": 0.25}, step=7)
        wandb.config.deep = {"a": 1}
        wandb.config["deep"]["a"] = 2
        wandb.summary["best"] = 0.25
        del wandb.summary["bad"]
        run.tags = ["b"]
        run.notes = "n"
    (directory,) = directories()
    outcome = outcome_of(directory)
    assert outcome.values == {
        "config": {"lr": 1, "deep": {"a": 2}},
        "summary": {"loss": 0.25, "best": 0.25},
        "tags": ["b"],
        "notes": "n",
    }
    times = [row.pop("_timestamp") for row in outcome.rows]
    assert times == sorted(times)
    assert [row.pop("_runtime") >= 0 for row in outcome.rows] == [True, True]
    assert outcome.rows == [{"loss": 0.5, "bad": "NaN", "_step": 1}, {"loss": 0.25, "_step": 7}]
    assert outcome.state == run.state == "finished"
    assert f"wanllmdb sync {directory.path}" in capsys.readouterr().out
    assert directory.path.stat().st_mode & 0o77 == 0


def test_an_artifact_is_kept_as_it_was_when_it_was_logged(directories, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with wandb.init() as run:
        artifact = make_draft(tmp_path / "a.txt")
        with artifact.new_file("odd\u200b name") as file:
            file.write("odd")
        (tmp_path / "run.sh").write_text("a")
        (tmp_path / "run.sh").chmod(0o755)
        artifact.add_file(tmp_path / "run.sh", name="bin/run.sh")
        logged = run.log_artifact(artifact, aliases=["best"], tags=["raw"]).wait()
        # Writing over a file changes every hard link of it too.
        (tmp_path / "a.txt").write_text("changed")
        assert logged is artifact
        assert (logged.name, logged.type, logged.metadata, logged.aliases) == ("data", "dataset", {"rows": 1}, ["best"])
        assert (logged.file_count, logged.size, len(logged.digest)) == (3, 5, 64)
        assert [file.path for file in logged.files()] == ["bin/run.sh", "in/a.txt", "odd\u200b name"]
        root = Path(logged.download("down"))
        assert (root / "in/a.txt").read_text() == "a"
        assert [(root / name).stat().st_mode & 0o100 for name in ("bin/run.sh", "in/a.txt")] == [0o100, 0]
        logged.verify("down")
        (root / "other").write_text("")
        assert Path(logged.download("down", exact=True)) == root
        assert not (root / "other").exists()
        assert [path.name for path in Path(logged.download("part", path_prefix="in")).iterdir()] == ["in"]
        with pytest.raises(wandb.NotFound, match=r"starts with 'in/a\.txt/'"):
            logged.download("part", path_prefix="in/a.txt/")
        with pytest.raises(wandb.NotFound, match="contains no path that starts with 'absent'"):
            logged.download("part", path_prefix="absent")
        assert logged.download().startswith(str(tmp_path / "artifacts/data-offline-"))
        assert Path(logged.get_entry("in/a.txt").download("one")).read_text() == "a"
        assert "logged offline" in repr(logged)
        for needs_version in ("version", "id", "qualified_name", "url"):
            with pytest.raises(wandb.NotLogged, match=r"logged offline: it has no .* before `wanllmdb sync`"):
                getattr(logged, needs_version)
        for needs_server in (logged.used_by, logged.logged_by, logged.save):
            with pytest.raises(wandb.Invalid, match="needs a server, but the mode is 'offline'"):
                needs_server()
        with pytest.raises(wandb.AlreadyLogged):
            logged.add_file(tmp_path / "a.txt")
        run.log_artifact(logged, aliases=["again"])
        copied_run, copy = pickle.loads(pickle.dumps((run, logged)))
        assert copied_run.use_artifact(copy).get_entry("in/a.txt").size == 1
        with pytest.raises(wandb.Invalid, match=r"this copy of run .* was unpickled"):
            copied_run.log({"loss": 1})
        copied_run.finish()
        assert run.use_artifact(logged).digest == logged.digest
    (directory,) = directories()
    kinds = [event["type"] for _, event in outcome_of(directory).actions]
    assert kinds == ["log_artifact", "add_aliases", "use_artifact", "use_artifact"]
    assert len(list((directory.path / "files").iterdir())) == 3


def test_another_offline_run_uses_what_was_logged_offline(directories, tmp_path, capsys):
    with wandb.init() as run:
        for text in ("first", "second"):
            run.log_artifact(make_draft(tmp_path / f"{text}.txt", text), aliases=[text])
        run.log_artifact(run.use_artifact("data:first"), aliases=["chosen"])
    capsys.readouterr()
    with wandb.init() as run:
        for name, text in (("data", "second"), ("x/data:first", "first"), ("acme/x/data:chosen", "first")):
            found = run.use_artifact(name, type="dataset")
            root = Path(found.download(tmp_path / "down" / text))
            assert (root / "in/a.txt").read_text() == text
        assert "offline: data:latest is what was logged offline at 20" in capsys.readouterr().err
        with pytest.raises(wandb.TypeDiffers):
            run.use_artifact("data", type="model")
        with pytest.raises(wandb.NotFound):
            run.use_artifact("data:absent")
        with pytest.raises(wandb.NotFound):
            run.use_artifact("other/data")
    first, second = directories()
    used = [event["offline"]["run"] for _, event in outcome_of(second).actions]
    assert used == [first.read()["id"]] * 3


def test_files_are_saved_and_artifacts_logged_in_the_background(directories, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with wandb.init(id="mine", resume="allow") as run:
        for number in range(3):
            last = run.log_artifact(make_draft(tmp_path / f"{number}.txt", str(number)), wait=False)
        assert last.wait().file_count == 1
        (tmp_path / "a.log").write_text("a")
        assert run.save("*.log", policy="now") == ["a.log"]
        (tmp_path / "a.log").unlink()
        (tmp_path / "b.log").write_text("b")
        run.save("*.log", policy="end")
        model = wandb.ModelRegistry().log_model(run, tmp_path / "b.log", "net", version="v1.0.0")
    assert (model["version"], model["stage"], model["size"]) == ("v1.0.0", "none", 1)
    assert (model["number"], model["version_id"], model["url"]) == (None, None, None)
    (directory,) = directories()
    assert (directory.read()["name"], directory.read()["resume"]) == ("mine", "allow")
    outcome = outcome_of(directory)
    assert [event["artifact_name"] for _, event in outcome.actions] == ["data"] * 3 + ["net"]
    assert {path: file["size"] for path, file in outcome.files.items()} == {"a.log": 1, "b.log": 1}


def test_a_change_after_the_end_is_told_once_and_not_kept(directories, capsys):
    with wandb.init(config={"lr": 1}) as run:
        pass
    run.config.lr = 2
    run.summary["best"] = 1
    assert capsys.readouterr().err.count("is not sent: it has ended (finished)") == 1
    copied = pickle.loads(pickle.dumps(run))
    copied.config.lr = 3
    assert "is not sent: this is a copy that was unpickled" in capsys.readouterr().err
    assert outcome_of(directories()[0]).values["config"] == {"lr": 1}


def test_login_checks_no_key():
    assert wandb.login(key="wllm_something")


def test_what_is_wrong_is_refused_as_in_online_mode(tmp_path):
    with wandb.init() as run:
        with pytest.raises(wandb.InvalidName):
            run.log_artifact(make_draft(tmp_path / "a"), aliases=["with space"])
        with pytest.raises(wandb.Invalid):
            run.log_artifact(tmp_path / "absent")
        with pytest.raises(wandb.Invalid, match="already names a version"):
            run.use_artifact("data:v1", alias="best")
        with pytest.raises(wandb.Invalid, match="needs a server, but the mode is 'offline'"):
            wandb.registry.rollback("acme/x/model", "production")
        gone = make_draft(tmp_path / "gone")
        (tmp_path / "gone").unlink()
        with pytest.raises(wandb.FileChanged):
            run.log_artifact(gone)
        with pytest.raises(wandb.NotFound, match="'acme/x/data' was never downloaded on this machine"):
            run.use_artifact("data:latest")


SCRIPT = """
import os, sys, signal
import wanllmdb as wandb
run = wandb.init(config={"lr": 1})
for number in range(3):
    wandb.log({"loss": number})
if sys.argv[1] == "fork":
    children = []
    for child in range(4):
        pid = os.fork()
        if not pid:
            for number in range(200):
                wandb.log({f"child-{child}": number})
            os._exit(0)
        children.append(pid)
    for pid in children:
        os.waitpid(pid, 0)
else:
    print(wandb.run.name, flush=True)
    sys.stdin.read()
"""


def test_a_run_that_was_killed_is_kept_as_far_as_it_went_and_counts_as_crashed(directories):
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, "wait"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with process:
        while "is offline" in (line := process.stdout.readline()):
            pass
        (directory,) = directories()
        assert line.strip() == directory.path.name
        with pytest.raises(BlockingIOError), directory.locked():
            pass
        process.kill()
    with directory.locked():
        outcome = outcome_of(directory)
    assert (outcome.state, outcome.values["summary"], len(outcome.rows)) == ("crashed", {"loss": 2}, 3)


def test_forked_processes_log_into_the_run_and_do_not_end_it(directories):
    subprocess.run([sys.executable, "-c", SCRIPT, "fork"], check=True, capture_output=True)
    (directory,) = directories()
    outcome = outcome_of(directory)
    assert len(outcome.rows) == 3 + 4 * 200
    assert outcome.values["summary"] == {"loss": 2} | {f"child-{child}": 199 for child in range(4)}
    assert outcome.state == "finished"


def test_a_full_disk_stops_no_logging_and_loses_nothing_once_there_is_room(directories, tmp_path, capsys):
    run = wandb.init()
    artifact = make_draft(tmp_path / "a.txt", "a" * 10_000)
    (directory,) = directories()
    signal_before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
        for number in range(10):
            wandb.log({"loss": number})
        with pytest.raises(wandb.CacheError, match=r"is full .*free some space, or set WANLLMDB_CACHE_DIR"):
            run.log_artifact(artifact)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, signal_before)
    assert capsys.readouterr().err.count("is full") == 1
    assert list((directory.path / "files").iterdir()) == []
    run.log_artifact(artifact)
    run.finish()
    events, broken = directory.events()
    outcome = fold(directory.read(), events)
    assert broken <= 1
    assert [row["loss"] for row in outcome.rows] == list(range(10))
    assert [event["type"] for _, event in outcome.actions] == ["log_artifact"]


def test_a_cache_directory_that_cannot_be_written_is_an_error_with_what_to_do(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("WANLLMDB_CACHE_DIR", str(tmp_path / "file"))
    with pytest.raises(wandb.CacheError, match="make it writable, or set WANLLMDB_CACHE_DIR"):
        wandb.init()
    assert wandb.run is None


def test_what_waits_for_a_full_disk_is_bounded(monkeypatch, directories, home):
    monkeypatch.setattr(recorder, "MAX_WAITING", 1000)
    run = wandb.init()
    (directory,) = directories()
    (directory.path / "events.jsonl").mkdir()
    for number in range(100):
        wandb.log({"loss": number})
    assert sum(map(len, run._recorder._waiting)) <= 1000
    (directory.path / "events.jsonl").rmdir()
    run.finish()
    assert outcome_of(directory).rows[-1]["loss"] == 99


@pytest.mark.parametrize(
    ("file", "content", "problem"),
    [
        ("run.json", {"format": 2}, "update wanllmdb"),
        ("run.json", {"format": 1, "id": 1}, "is not the description of a run"),
        ("run.json", [], "does not contain a JSON object"),
    ],
)
def test_a_directory_from_elsewhere_is_checked(tmp_path, file, content, problem):
    (tmp_path / file).write_text(json.dumps(content))
    with pytest.raises(wandb.CacheError, match=problem):
        RunDirectory(tmp_path).read()


def test_a_manifest_from_elsewhere_cannot_name_files_outside_of_its_directory(tmp_path):
    directory = RunDirectory(tmp_path)
    (tmp_path / "manifests").mkdir()
    manifest_id = "0" * 32
    path = tmp_path / f"manifests/{manifest_id}.json"
    for sha256, file in (("../../../etc/passwd", "a"), ("/etc/passwd", "a"), ("A" * 64, "a")):
        path.write_text(json.dumps({"digest": "", "files": [{"path": file, "size": 1, "sha256": sha256}]}))
        with pytest.raises(wandb.CacheError, match="not a manifest"):
            directory.read_manifest(manifest_id)
    with pytest.raises(wandb.CacheError):
        directory.read_manifest("../run")
    path.write_text(json.dumps({"digest": "", "files": [{"path": "a", "size": 1, "sha256": "0" * 64}]}))
    (entry,) = directory.read_manifest(manifest_id)
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / entry.sha256).symlink_to("/etc/passwd")
    with pytest.raises(wandb.CacheError, match="is not the file that was logged"):
        directory.files.checked_path(entry)
