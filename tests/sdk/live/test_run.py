import argparse
import enum
import math
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import wanllmdb as wandb
from tests.e2e.conftest import wait_until
from wanllmdb.sdk import heartbeat
from wanllmdb.sdk.http_client import Client


@pytest.fixture
def get_run(stack):
    """The record of a run on the server."""
    client = Client(stack.base_url, stack.key("bob"))
    return lambda run_id: client.get(f"/runs/{run_id}")


def test_init_sets_the_fields_of_the_run(bob, project, get_run):
    run = wandb.init(
        project=project,
        name="baseline",
        config={"lr": 0.1},
        tags=["a", "b"],
        notes="first try",
        job_type="train",
        group="sweep",
    )
    assert wandb.run is run
    assert (run.name, run.entity, run.project, run.state, run.step) == ("baseline", "acme", project[5:], "running", 0)
    assert (run.tags, run.notes, run.job_type, run.group) == (("a", "b"), "first try", "train", "sweep")
    record = get_run(run.id)
    assert (record["display_name"], record["config"], record["tags"]) == ("baseline", {"lr": 0.1}, ["a", "b"])
    assert record["url"] == run.url
    assert record["host"]
    run.finish()
    assert wandb.run is None
    assert (run.state, get_run(run.id)["state"]) == ("finished", "finished")


def test_the_git_commit_and_remote_are_recorded_without_the_password(bob, project, get_run, tmp_path, monkeypatch):
    def git(*args):
        subprocess.run(["git", "-c", "user.name=x", "-c", "user.email=x@example.org", *args], cwd=tmp_path, check=True)

    git("init", "--quiet")
    git("commit", "--quiet", "--allow-empty", "--message=x")
    git("remote", "add", "origin", "https://user:secret@git.example/team/code.git")
    monkeypatch.chdir(tmp_path)
    with wandb.init(project=project) as run:
        record = get_run(run.id)
    assert len(record["git_commit"]) == 40
    assert record["git_remote"] == "https://git.example/team/code.git"


def test_logged_values_and_config_changes_are_sent(run, get_run):
    wandb.log({"loss": 0.5, "acc": math.nan})
    wandb.log({"loss": 0.25})
    wandb.config.epochs = 3
    wait_until(lambda: get_run(run.id)["summary"] == {"loss": 0.25, "acc": "NaN"})
    wait_until(lambda: get_run(run.id)["config"] == {"epochs": 3})
    assert (wandb.summary["loss"], run.step) == (0.25, 2)
    run.log({"loss": 0.1}, step=10)
    wandb.config["deep"] = {"a": 1}
    wandb.config["deep"]["a"] = 2
    run.finish()
    record = get_run(run.id)
    assert record["summary"]["loss"] == 0.1
    assert record["config"] == {"epochs": 3, "deep": {"a": 2}}
    assert run.step == 10


def test_tags_and_notes_are_replaced_by_assignment(run, get_run):
    run.tags = ["x"]
    run.notes = "better"
    assert (get_run(run.id)["tags"], get_run(run.id)["notes"]) == (["x"], "better")
    assert run.tags == ("x",)
    # Of two who change them neither undoes what the other does.
    run._connection.client.patch(f"/runs/{run.id}", {"add_tags": ["theirs"]})
    run.tags += ("mine",)
    assert get_run(run.id)["tags"] == ["x", "theirs", "mine"]
    assert run.tags == ("x", "theirs", "mine")
    run.tags = ["theirs"]
    assert get_run(run.id)["tags"] == ["theirs"]
    run.notes = Path("plan.md")
    assert get_run(run.id)["notes"] == "plan.md"


def test_config_may_come_from_argparse(bob, project, get_run):
    with wandb.init(project=project, config=argparse.Namespace(lr=0.1)) as run:
        assert get_run(run.id)["config"] == {"lr": 0.1}


@pytest.mark.parametrize("data", [None, [1], "loss"])
def test_log_takes_names_and_values(run, data):
    with pytest.raises(wandb.Invalid, match="log takes a mapping"):
        run.log(data)


def test_names_are_converted_like_those_of_config(run):
    class Split(enum.Enum):
        TEST = "test"

    run.log({Split.TEST: 0.5, 3: 1})
    run.summary[Split.TEST] += 1
    run.finish()
    stored = wandb.Api().run(run.id)
    assert stored.summary == {"test": 1.5, "3": 1}
    assert stored.history(keys=["test", "3"]) == [{"test": 0.5, "3": 1}]


def test_what_the_server_does_not_take_spoils_nothing_else(bob, project, get_run, capsys):
    deep = 0
    for _ in range(80):
        deep = [deep]
    bad = {"nul": "a\0b", "half": "\ud800", "numbers": list(range(300_000)), "deep": deep}
    with wandb.init(project=project, config={"lr": 0.1, "bad": "a\0b"}) as run:
        assert (run.config["bad"], get_run(run.id)["config"]) == ("a\0b", {"lr": 0.1})
        run.log({"loss": 0.9})
        run.log(bad)
        run.log({"loss": 0.1, "acc": 0.99})
        run.config["worse"] = "\ud800"
        run.config["epochs"] = 3
        wait_until(lambda: get_run(run.id)["summary"] == {"loss": 0.1, "acc": 0.99})
        run.log({f"note-{number}": "x" * 1000 for number in range(2000)})
        run.log({"loss": 0.05})
    record = get_run(run.id)
    assert (record["state"], record["config"]) == ("finished", {"lr": 0.1, "epochs": 3})
    assert (record["summary"]["loss"], record["summary"]["acc"]) == (0.05, 0.99)
    assert 1000 < len(record["summary"]) < 1100
    warnings = capsys.readouterr().err
    assert [warnings.count(repr(name)) for name in (*bad, "bad", "worse")] == [1, 1, 1, 1, 1, 1]


def test_heartbeat(bob, project, get_run, monkeypatch):
    monkeypatch.setattr(heartbeat, "HEARTBEAT_INTERVAL", 0.2)
    monkeypatch.setattr(heartbeat, "SEND_INTERVAL", 0.1)
    with wandb.init(project=project) as run:
        first = get_run(run.id)["heartbeat_at"]
        wait_until(lambda: get_run(run.id)["heartbeat_at"] > first)


def test_init_returns_the_active_run_unless_reinit(run, project, get_run):
    assert wandb.init(project="acme/quite-another") is run
    other = wandb.init(project=project, reinit=True)
    assert other.id != run.id
    assert (get_run(run.id)["state"], get_run(other.id)["state"]) == ("finished", "running")
    other.finish()


def test_an_exception_in_the_block_sets_the_state(bob, project, get_run):
    with pytest.raises(ZeroDivisionError), wandb.init(project=project) as run:
        raise ZeroDivisionError
    assert get_run(run.id)["state"] == "crashed"
    with pytest.raises(KeyboardInterrupt), wandb.init(project=project) as run:
        raise KeyboardInterrupt
    assert get_run(run.id)["state"] == "killed"
    with pytest.raises(SystemExit), wandb.init(project=project) as run:
        raise SystemExit(0)
    assert get_run(run.id)["state"] == "finished"


def test_a_nonzero_exit_code_means_crashed(run, get_run):
    wandb.finish(exit_code=3)
    assert get_run(run.id)["state"] == "crashed"


def test_a_finished_run_accepts_nothing(run, get_run):
    run.finish()
    run.finish(1)
    assert get_run(run.id)["state"] == "finished"
    for call in (lambda: run.log({"a": 1}), lambda: run.use_artifact("a"), lambda: run.log_artifact("a")):
        with pytest.raises(wandb.Invalid, match="has ended"):
            call()
    with pytest.raises(wandb.NotInitialized):
        wandb.log({"a": 1})


@pytest.mark.parametrize(
    ("ending", "state"),
    [
        ("", "finished"),
        ("wandb.finish()", "finished"),
        ("1 / 0", "crashed"),
        ("sys.exit(2)", "crashed"),
        ("sys.exit('no data')", "crashed"),
        ("sys.exit()", "finished"),
        ("raise KeyboardInterrupt", "killed"),
    ],
)
def test_the_end_of_the_program_sets_the_state(python, project, get_run, ending, state):
    result = python(
        f"""
import sys
import wanllmdb as wandb
run = wandb.init(project={project!r})
print(run.id, file=sys.stderr)
wandb.log({{"last": "words"}})
{ending}
""",
        check=False,
    )
    record = get_run(result.stderr.split()[0])
    assert (record["state"], record["summary"]) == (state, {"last": "words"})
    if "1 / 0" in ending:
        assert "ZeroDivisionError" in result.stderr


def test_ctrl_c_kills_the_run(bob, project, get_run):
    script = f"""
import time
import wanllmdb as wandb
print(wandb.init(project={project!r}).id, flush=True)
time.sleep(60)
"""
    process = subprocess.Popen(
        [sys.executable, "-c", script],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "WANLLMDB_SILENT": "1"},
    )
    with process:
        run_id = process.stdout.readline().strip()
        process.send_signal(signal.SIGINT)
        process.wait()
    assert get_run(run_id)["state"] == "killed"


def test_a_forked_process_does_not_end_the_run(python, project, get_run):
    result = python(f"""
import os, sys
import wanllmdb as wandb
run = wandb.init(project={project!r})
child = os.fork()
if not child:
    sys.exit(3)
os.waitpid(child, 0)
print(wandb.Api()._connection.client.get(f"/runs/{{run.id}}")["state"])
""")
    assert result.stdout.splitlines()[-1] == "running"


def test_the_default_team_is_the_users_own(bob, project):
    with wandb.init(project="mine") as run:
        assert (run.entity, run.project) == ("bob", "mine")
    with wandb.init(project="mine", entity="acme") as run:
        assert (run.entity, run.project) == ("acme", "mine")
    with wandb.init() as run:
        assert run.project == "uncategorized"
