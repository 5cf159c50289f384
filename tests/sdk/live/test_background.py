"""Artifacts that are logged in the background: `log_artifact(wait=False)`."""

import os
import signal
import subprocess
import sys
import threading

import pytest

import wanllmdb as wandb
from wanllmdb.sdk import version_creation


def draft(text: str, name: str = "data", type: str = "dataset") -> wandb.Artifact:
    artifact = wandb.Artifact(name, type, metadata={"text": text})
    with artifact.new_file("a.txt") as file:
        file.write(text)
    return artifact


def test_it_returns_at_once_and_keeps_the_order_of_the_calls(run, project):
    logged = [run.log_artifact(draft(str(number)), aliases=[f"n{number}"], wait=False) for number in range(3)]
    last = run.log_artifact(draft("3"))
    assert [artifact.wait().version for artifact in [*logged, last]] == ["v1", "v2", "v3", "v4"]
    assert [artifact.aliases for artifact in logged] == [["latest", "n0"], ["latest", "n1"], ["latest", "n2"]]

    artifact = draft("4")
    run.log_artifact(artifact, wait=False)
    artifact.metadata["text"] = "later"
    # The same again, which moves an alias to the version that the first one makes.
    assert run.log_artifact(artifact, aliases="again", wait=False) is artifact
    assert run.use_artifact(artifact).version == "v5"
    assert artifact.wait(timeout=60).aliases == ["latest", "again"]
    assert artifact.metadata == {"text": "4"}
    assert [version.version for version in wandb.Api().collection(f"{project}/data").versions()] == [
        *("v5", "v4", "v3", "v2", "v1")
    ]


def test_what_can_be_refused_at_once_is(run, project):
    with pytest.raises(wandb.Invalid, match="metadata: 'text': larger than 1 MiB"):
        run.log_artifact(draft("x" * (1 << 20)), wait=False)
    with pytest.raises(wandb.Invalid, match="at most 100 tags"):
        run.log_artifact(draft("1"), tags=[f"t{number}" for number in range(101)], wait=False)
    assert len(wandb.Api().artifacts(project)) == 0


def test_a_pending_artifact_is_neither_draft_nor_logged(run, project, monkeypatch):
    go_on, create_version = threading.Event(), version_creation.create_version

    def create_later(*arguments, **options):
        assert go_on.wait(60)
        return create_version(*arguments, **options)

    monkeypatch.setattr(version_creation, "create_version", create_later)
    artifact = run.log_artifact(draft("1"), wait=False)
    with pytest.raises(wandb.NotLogged, match="still being logged; call wait"):
        _ = artifact.version
    with pytest.raises(wandb.AlreadyLogged, match="is being logged"):
        artifact.remove("a.txt")
    with pytest.raises(wandb.WaitTimeout, match="still being logged after"):
        artifact.wait(timeout=0.01)
    pid = os.fork()
    if not pid:
        # The log is the parent's: the child is told so instead of waiting for ever, and can log for itself.
        try:
            artifact.wait()
        except wandb.NotLogged:
            go_on.set()
            os._exit(run.log_artifact(draft("of the child", name="child"), wait=False).wait().version != "v1")
        os._exit(2)
    assert os.waitpid(pid, 0)[1] == 0
    go_on.set()
    assert artifact.wait().version == "v1"


def test_errors_come_out_of_wait_or_else_of_finish(run, project, capsys):
    run.log_artifact(draft("1"))
    wrong = run.log_artifact(draft("2", type="model"), wait=False)
    for _ in range(2):
        with pytest.raises(wandb.TypeDiffers):
            wrong.wait()
    # It is a draft again, as after any other failure.
    wrong.remove("a.txt")
    run.finish()
    assert run.state == "finished"

    again = wandb.init(project=project)
    again.log_artifact(draft("2", type="model"), wait=False)
    again.log_artifact(draft("3", type="code"), wait=False)
    with pytest.raises(wandb.TypeDiffers, match="not a model"):
        again.finish()
    assert "could not log an artifact: Artifact 'data'" in capsys.readouterr().err
    assert again.state == "crashed"
    again.finish()
    with pytest.raises(wandb.TypeDiffers), wandb.init(project=project) as run:
        run.log_artifact(draft("2", type="model"), wait=False)
    # What went wrong in the block matters more.
    with pytest.raises(ZeroDivisionError), wandb.init(project=project) as run:
        run.log_artifact(draft("2", type="model"), wait=False)
        run.log_artifact(draft("4"), wait=False)
        raise ZeroDivisionError
    assert wandb.Api().artifact(f"{project}/data").version == "v2"


SCRIPT = """
import wanllmdb as wandb
run = wandb.init(project="{project}")
artifact = wandb.Artifact("data", "dataset")
with artifact.new_file("a.txt") as file:
    file.write("{text}")
with artifact.new_file("large.bin", "wb") as file:
    file.write(b"{text}" * {size})
run.log_artifact(artifact, wait=False)
"""


# One that is hashed in two threads, and one that is not.
@pytest.mark.parametrize(("size", "end"), [(68_000_000, ""), (1, "raise ZeroDivisionError")])
def test_the_program_ends_when_all_is_logged(python, project, size, end):
    python(SCRIPT.format(project=project, text="1", size=size) + end, check=not end)
    assert wandb.Api().artifact(f"{project}/data").size == size + 1


def test_an_error_at_the_end_of_the_program_is_told(python, run, project):
    run.log_artifact(draft("1", type="model"))
    result = python(SCRIPT.format(project=project, text="2", size=1))
    assert "Artifact 'data' of" in result.stderr and "is a model, not a dataset" in result.stderr
    assert "Traceback" not in result.stderr


HANGING = """
import threading, time
from wanllmdb.sdk import version_creation
def hang(*arguments, **options):
    while threading.main_thread().is_alive():
        time.sleep(0.01)
    print("at work", flush=True)
    time.sleep(600)
version_creation.create_version = hang
"""


def test_ctrl_c_ends_the_waiting(bob, project):
    script = HANGING + SCRIPT.format(project=project, text="1", size=1)
    process = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    while "at work" not in process.stdout.readline():
        pass
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=300)
    assert "artifact 'data' was not logged: the program was interrupted" in err
