import argparse
import math
import os
import signal
import subprocess
import sys
import time

import pytest

import wanllmdb as wandb
from wanllmdb.sdk import heartbeat
from wanllmdb.sdk.client import Client


@pytest.fixture
def look(stack):
    """A run as the server has it now."""
    client = Client(stack.base_url, stack.key("bob"))
    return lambda run_id: client.get(f"/runs/{run_id}")


def eventually(holds) -> bool:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if holds():
            return True
        time.sleep(0.1)
    return False


def test_a_run_is_what_init_was_told(bob, project, look):
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
    there = look(run.id)
    assert (there["display_name"], there["config"], there["tags"]) == ("baseline", {"lr": 0.1}, ["a", "b"])
    assert there["url"] == run.url
    assert there["host"]
    run.finish()
    assert wandb.run is None
    assert (run.state, look(run.id)["state"]) == ("finished", "finished")


def test_git_is_asked_where_it_runs_and_its_password_is_not_kept(bob, project, look, tmp_path, monkeypatch):
    def git(*words):
        subprocess.run(["git", "-c", "user.name=x", "-c", "user.email=x@example.org", *words], cwd=tmp_path, check=True)

    git("init", "--quiet")
    git("commit", "--quiet", "--allow-empty", "--message=x")
    git("remote", "add", "origin", "https://user:secret@git.example/team/code.git")
    monkeypatch.chdir(tmp_path)
    with wandb.init(project=project) as run:
        there = look(run.id)
    assert len(there["git_commit"]) == 40
    assert there["git_remote"] == "https://git.example/team/code.git"


def test_what_is_logged_becomes_the_summary_and_changes_reach_the_server(run, look):
    wandb.log({"loss": 0.5, "acc": math.nan})
    wandb.log({"loss": 0.25})
    wandb.config.epochs = 3
    assert eventually(lambda: look(run.id)["summary"] == {"loss": 0.25, "acc": "NaN"})
    assert eventually(lambda: look(run.id)["config"] == {"epochs": 3})
    assert (wandb.summary["loss"], run.step) == (0.25, 2)
    run.log({"loss": 0.1}, step=10)
    wandb.config["deep"] = {"a": 1}
    wandb.config["deep"]["a"] = 2
    run.finish()
    there = look(run.id)
    assert there["summary"]["loss"] == 0.1
    assert there["config"] == {"epochs": 3, "deep": {"a": 2}}
    assert run.step == 10


def test_tags_and_notes_are_replaced_by_assignment(run, look):
    run.tags = ["x"]
    run.notes = "better"
    assert (look(run.id)["tags"], look(run.id)["notes"]) == (["x"], "better")
    assert run.tags == ("x",)


def test_config_may_come_from_argparse(bob, project, look):
    with wandb.init(project=project, config=argparse.Namespace(lr=0.1)) as run:
        assert look(run.id)["config"] == {"lr": 0.1}


@pytest.mark.parametrize("data", [None, [1], {1: 2}, "loss"])
def test_log_takes_names_and_values(run, data):
    with pytest.raises(wandb.Invalid, match="log takes a mapping"):
        run.log(data)


def test_what_is_too_large_is_told_and_the_run_goes_on(run, look, capsys):
    run.log({"image": "x" * (2 << 20)})
    assert eventually(lambda: "summary of the run cannot be sent as they are" in capsys.readouterr().err)
    run.finish()
    assert look(run.id)["state"] == "finished"


def test_the_heart_beats(bob, project, look, monkeypatch):
    monkeypatch.setattr(heartbeat, "HEARTBEAT_SECONDS", 0.2)
    monkeypatch.setattr(heartbeat, "SEND_SECONDS", 0.1)
    with wandb.init(project=project) as run:
        first = look(run.id)["heartbeat_at"]
        assert eventually(lambda: look(run.id)["heartbeat_at"] > first)


def test_init_returns_the_run_under_way_unless_told_otherwise(run, project, look):
    assert wandb.init(project="acme/quite-another") is run
    other = wandb.init(project=project, reinit=True)
    assert other.id != run.id
    assert (look(run.id)["state"], look(other.id)["state"]) == ("finished", "running")
    other.finish()


def test_a_block_that_fails_is_a_crash(bob, project, look):
    with pytest.raises(ZeroDivisionError), wandb.init(project=project) as run:
        raise ZeroDivisionError
    assert look(run.id)["state"] == "crashed"
    with pytest.raises(KeyboardInterrupt), wandb.init(project=project) as run:
        raise KeyboardInterrupt
    assert look(run.id)["state"] == "killed"
    with pytest.raises(SystemExit), wandb.init(project=project) as run:
        raise SystemExit(0)
    assert look(run.id)["state"] == "finished"


def test_an_exit_code_is_a_crash(run, look):
    wandb.finish(exit_code=3)
    assert look(run.id)["state"] == "crashed"


def test_after_the_end_nothing_is_done(run, look):
    run.finish()
    run.finish(1)
    assert look(run.id)["state"] == "finished"
    for act in (lambda: run.log({"a": 1}), lambda: run.use_artifact("a"), lambda: run.log_artifact("a")):
        with pytest.raises(wandb.Invalid, match="has ended"):
            act()
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
def test_how_a_program_ends_is_how_its_run_ends(python, project, look, ending, state):
    done = python(
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
    there = look(done.stderr.split()[0])
    assert (there["state"], there["summary"]) == (state, {"last": "words"})
    if "1 / 0" in ending:
        assert "ZeroDivisionError" in done.stderr


def test_ctrl_c_kills_the_run(bob, project, look):
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
        process.wait(20)
    assert look(run_id)["state"] == "killed"


def test_a_child_does_not_end_its_parents_run(python, project, look):
    done = python(f"""
import os, sys
import wanllmdb as wandb
run = wandb.init(project={project!r})
child = os.fork()
if not child:
    sys.exit(3)
os.waitpid(child, 0)
print(wandb.Api()._connection.client.get(f"/runs/{{run.id}}")["state"])
""")
    assert done.stdout.splitlines()[-1] == "running"


def test_without_a_team_the_project_is_ones_own(bob, project):
    with wandb.init(project="mine") as run:
        assert (run.entity, run.project) == ("bob", "mine")
    with wandb.init(project="mine", entity="acme") as run:
        assert (run.entity, run.project) == ("acme", "mine")
    with wandb.init() as run:
        assert run.project == "uncategorized"
