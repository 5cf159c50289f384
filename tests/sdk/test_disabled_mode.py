"""Mode `disabled`: a program runs without a server, and nothing is stored."""

import socket
from pathlib import Path

import pytest

import wanllmdb as wandb


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    def fail(*args):
        raise AssertionError("nothing must be sent")

    monkeypatch.setattr(socket.socket, "connect", fail)


def test_everything_works_and_nothing_is_sent(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("WANLLMDB_MODE", "disabled")
    with wandb.init(project="acme/first", name="try", config={"lr": 1}, tags=["a"]) as run:
        assert (run.name, run.entity, run.project, run.url, run.state) == ("try", "acme", "first", None, "running")
        wandb.log({"loss": 0.5})
        wandb.config.epochs = 3
        run.tags = ["b"]
        (tmp_path / "a.txt").write_text("a")
        artifact = wandb.Artifact("data", "dataset", metadata={"rows": 1})
        artifact.add_file(tmp_path / "a.txt")
        logged = wandb.log_artifact(artifact, aliases=["latest"], tags=["raw"]).wait()
        assert logged is artifact
        assert (logged.version, logged.aliases, logged.size, logged.metadata) == ("v1", ["latest"], 1, {"rows": 1})
        assert run.log_artifact(logged).version == "v1"
        assert run.log_artifact(tmp_path / "a.txt", wait=False).wait().version == "v1"
        assert wandb.save(tmp_path / "*.txt") == ["a.txt"]
        described = wandb.ModelRegistry().log_model(run, tmp_path / "a.txt", "net", version="v1.0.0")
        assert (described["version"], described["number"], described["stage"]) == ("v1.0.0", 1, "none")
    assert (run.state, dict(run.summary), dict(run.config)) == ("finished", {"loss": 0.5}, {"lr": 1, "epochs": 3})
    assert capsys.readouterr().out == ""


def test_operations_that_need_a_server_are_rejected(tmp_path):
    with wandb.init(mode="disabled") as run:
        with pytest.raises(wandb.Invalid, match=r"use_artifact.* needs a server, but the mode is 'disabled'"):
            run.use_artifact("data:latest", at="2026-05-03T12:00:00Z")
        (tmp_path / "a.txt").write_text("a")
        logged = run.log_artifact(tmp_path / "a.txt")
        for operation in (logged.save, logged.used_by, logged.logged_by):
            with pytest.raises(wandb.Invalid, match="needs a server, but the mode is 'disabled'"):
                operation()


def test_what_was_logged_is_read_back_from_the_files_of_the_draft(tmp_path):
    with wandb.init(mode="disabled") as run:
        artifact = wandb.Artifact("data", "dataset")
        with artifact.new_file("in/a.txt") as file:
            file.write("abc")
        artifact.add_file(__file__, name="code.py")
        run.log_artifact(artifact)
        assert run.use_artifact(artifact).name == "data"
        assert [file.path for file in artifact.files()] == ["code.py", "in/a.txt"]
        assert (artifact.get_entry("in/a.txt").size, len(artifact.manifest)) == (3, 2)
        root = Path(artifact.download(tmp_path / "down"))
        assert (root / "in/a.txt").read_text() == "abc"
        artifact.verify(root)
        entry = artifact.get_entry("code.py")
        assert Path(entry.download(tmp_path / "one")).read_bytes() == Path(__file__).read_bytes()
        with pytest.raises(wandb.NotFound):
            artifact.get_entry("absent")
        (tmp_path / "gone.txt").write_text("gone")
        gone = run.log_artifact(tmp_path / "gone.txt")
        assert gone.files()
        (tmp_path / "gone.txt").unlink()
        with pytest.raises(wandb.CorruptDownload, match="cannot be read"):
            gone.download(tmp_path / "again")


def test_what_this_process_logged_is_found_by_its_name(tmp_path):
    for text in ("one", "two"):
        with wandb.init(project="found", mode="disabled") as run:
            artifact = wandb.Artifact("data", "dataset", metadata={"text": text})
            with artifact.new_file("a.txt") as file:
                file.write(text)
            run.log_artifact(artifact, aliases=["best"] if text == "one" else None)
            del artifact
    with wandb.init(project="found", mode="disabled") as run:
        for name, text in {"data": "two", "data:latest": "two", "found/data:best": "one", "data:v2": "two"}.items():
            assert run.use_artifact(name, type="dataset").metadata == {"text": text}
        assert Path(run.use_artifact("data", alias="best").file(tmp_path)).read_text() == "one"
        assert run.use_artifact("data", version=1).aliases == ["best"]
        with pytest.raises(wandb.AliasNotFound) as missing:
            run.use_artifact("data:nope")
        assert missing.value.aliases == ["best", "latest"]
        with pytest.raises(wandb.VersionNotFound):
            run.use_artifact("data", version="v3")
        with pytest.raises(wandb.TypeDiffers):
            run.use_artifact("data", type="model")
        with pytest.raises(wandb.TypeDiffers):
            run.log_artifact(wandb.Artifact("data", "model"))
        with pytest.raises(wandb.NotFound, match="what this process has logged"):
            run.use_artifact("other")
        with pytest.raises(wandb.Invalid, match="larger than 1 MiB"):
            run.log_artifact(wandb.Artifact("data", "dataset", metadata={"text": "x" * (1 << 20)}))


REGISTRY = {
    "transition_stage": lambda: wandb.registry.transition_stage("acme/x/model", "v3", "Production"),
    "rollback": lambda: wandb.registry.rollback("acme/x/model", "production"),
    "swap": lambda: wandb.registry.swap("acme/x/model", "blue", "green"),
    "history": lambda: wandb.registry.history("acme/x/model"),
    "propose_rollback": lambda: wandb.registry.propose_rollback("acme/x/model", "production"),
    "propose": lambda: wandb.registry.propose("acme/x/model", "v3", "production"),
    "proposals": lambda: wandb.registry.proposals("acme/x/model"),
    "approve": lambda: wandb.registry.approve("0"),
    "use_model": lambda: wandb.ModelRegistry().use_model("acme/x/model"),
    "list_models": lambda: wandb.ModelRegistry().list_models(),
    "get_model_versions": lambda: wandb.ModelRegistry().get_model_versions("acme/x/model"),
}


@pytest.mark.parametrize("operation", REGISTRY)
def test_no_alias_moves(monkeypatch, operation):
    is_rejected = pytest.raises(
        wandb.Invalid, match=f"(?i)registry.{operation} needs a server, but the mode is 'disabled'"
    )
    with wandb.init(mode="disabled"), is_rejected:
        REGISTRY[operation]()
    monkeypatch.setenv("WANLLMDB_MODE", "disabled")
    with is_rejected:
        REGISTRY[operation]()


def test_invalid_input_is_rejected_as_in_online_mode(tmp_path):
    with wandb.init(mode="disabled") as run:
        with pytest.raises(wandb.InvalidName):
            run.log_artifact(wandb.Artifact("x", "dataset"), aliases=["with space"])
        with pytest.raises(wandb.InvalidName):
            run.log_artifact(wandb.Artifact("x", "dataset"), tags=["two\nlines"])
        with pytest.raises(wandb.Invalid):
            run.log_artifact(tmp_path / "absent")
