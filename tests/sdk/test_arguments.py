"""Programs that were written for `wandb`: arguments that do nothing here, and values of wrong types."""

import dataclasses
import inspect
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import wanllmdb as wandb
from wanllmdb.sdk import arguments, wandb_names
from wanllmdb.sdk.api import Collection
from wanllmdb.sdk.stored_run import StoredRun


@pytest.fixture(autouse=True)
def disabled(monkeypatch):
    monkeypatch.setenv("WANLLMDB_MODE", "disabled")
    monkeypatch.setattr(arguments, "_has_warned", set())


@pytest.fixture
def run():
    with wandb.init(project="acme/x") as run:
        yield run


def warnings(capsys) -> list[str]:
    return capsys.readouterr().err.splitlines()


# --- Arguments of `wandb` ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("argument", wandb_names.INIT)
def test_an_argument_of_init_that_does_nothing_says_so_once(capsys, argument):
    for _ in range(2):
        wandb.init(**{argument: True}).finish()
    (line,) = warnings(capsys)
    assert line == f"wanllmdb: init({argument}=…) has no effect here: {wandb_names.INIT[argument]}"
    wandb.init(**{argument: None}, project="acme/x").finish()
    assert warnings(capsys) == []


def test_the_other_functions_take_what_those_of_wandb_take(run, capsys, tmp_path):
    (tmp_path / "a.txt").write_text("a")
    artifact = wandb.Artifact("taken", "dataset", incremental=True, use_as="data", storage_region="eu")
    artifact.add_file(tmp_path / "a.txt", is_tmp=True, skip_cache=True, policy="immutable")
    artifact.add_dir(tmp_path, name="more", skip_cache=True, policy="mutable", merge=False)
    with artifact.new_file("b.txt", policy="mutable") as file:
        file.write("b")
    run.log_artifact(artifact).finalize()
    used = run.use_artifact(artifact_or_name="taken:latest", use_as="data", aliases=["x"])
    assert used.is_draft() is False
    Path(used.download(tmp_path / "down", allow_missing_references=True, multipart=True)).stat()
    (tmp_path / "down/unrelated").touch()
    used.checkout(tmp_path / "down")
    assert not (tmp_path / "down/unrelated").exists()
    assert [file.path for file in used.files(names=["b.txt"])] == ["b.txt"]
    run.log({"a": 1}, sync=True)
    assert wandb.login(host="http://127.0.0.1:1", force=True, timeout=3, verify=True, anonymous="must", prompt=False)
    run.finish(quiet=True)
    lines = warnings(capsys)
    assert all("has no effect here: " in line for line in lines)
    named = {line.partition("wanllmdb: ")[2].partition("=")[0] for line in lines}
    assert {"Artifact(incremental", "Artifact.add_file(policy", "Run.use_artifact(use_as", "Run.log(sync"} <= named


def test_a_misspelt_argument_is_a_type_error(run):
    calls: list[Callable[..., object]] = [
        wandb.init, wandb.log, wandb.finish, wandb.login, wandb.Settings, wandb.log_artifact, wandb.use_artifact,
        run.log, run.finish, run.use_artifact, run.save,
    ]  # fmt: skip
    for call in calls:
        with pytest.raises(TypeError, match="tgas"):
            call(tgas=["a"])
    with pytest.raises(TypeError, match="tgas"):
        wandb.Artifact("data", "dataset", tgas=1)
    with pytest.raises(TypeError, match="tgas"):
        wandb.init(settings={"tgas": 1})


def test_settings_are_arguments_of_init_by_the_names_of_wandb(capsys):
    settings = wandb.Settings(
        run_name="mine", run_tags=("a",), run_group="g", project="acme/y", x_disable_stats=True, console="off", host="h"
    )
    with wandb.init(settings=settings, project="acme/x") as run:
        assert (run.name, run.tags, run.group, run.path) == ("mine", ("a",), "g", "acme/x/disabled")
    with wandb.init(settings={"project": "acme/y"}) as run:
        assert run.project == "y"
    (line,) = warnings(capsys)
    assert "x_disable_stats=…" in line
    with pytest.raises(wandb.Invalid, match="settings takes a Settings or a dict, not 5"):
        wandb.init(settings=5)
    wandb.setup(settings)


def test_keys_of_the_config_are_chosen():
    config = {"lr": 1, "debug": 2, "path": 3}
    with wandb.init(config=config, config_exclude_keys=["debug", "path"]) as run:
        assert dict(run.config) == {"lr": 1}
    with wandb.init(config=config, config_include_keys=("lr", "path", "absent")) as run:
        assert dict(run.config) == {"lr": 1, "path": 3}
    with pytest.raises(wandb.Invalid, match="not both"):
        wandb.init(config=config, config_include_keys=["lr"], config_exclude_keys=["path"])


def test_a_run_beside_the_active_one():
    first = wandb.init(project="acme/x")
    beside = wandb.init(project="acme/y", reinit="create_new")
    assert wandb.run is first is wandb.init(reinit="return_previous")
    second = wandb.init(project="acme/x", reinit="finish_previous")
    assert (first.state, beside.state, wandb.run) == ("finished", "running", second)
    with pytest.raises(wandb.Invalid, match="reinit takes"):
        wandb.init(reinit="whenever")
    wandb.teardown()
    assert (beside.state, second.state, wandb.run) == ("finished", "finished", None)


def test_what_wandb_does_and_we_do_not_lets_programs_run(run, capsys):
    wandb.watch(object(), log="all")
    wandb.unwatch()
    run.mark_preempting()
    wandb.alert(title="Low accuracy", text="0.3", level=wandb.AlertLevel.WARN)
    lines = warnings(capsys)
    assert [line.split()[1] for line in lines] == ["watch", "mark_preempting", "alert:"]
    assert issubclass(wandb.NotFound, wandb.Error)
    assert issubclass(wandb.NotFound, wandb.errors.CommError)


def test_a_name_that_is_not_there_says_what_is(run):
    with pytest.raises(AttributeError, match="unlike in wandb: there is no such media type"):
        _ = wandb.Object3D
    with pytest.raises(AttributeError, match="no attribute 'new_draft', unlike in wandb"):
        _ = wandb.Artifact("data", "dataset").new_draft
    with pytest.raises(AttributeError, match="unlike in wandb: there are no sweeps"):
        _ = wandb.Api("http://127.0.0.1:1", "wllm_0").sweep
    with pytest.raises(AttributeError, match=r"no attribute 'lgo'$"):
        _ = run.lgo
    assert not hasattr(wandb, "Molecule")


def test_attributes_of_a_run(run):
    assert (run.url, run.get_url(), run.project_url, run.get_project_url()) == (None, None, None, None)
    assert (run.disabled, run.offline, run.starting_step) == (True, False, 0)
    assert abs(run.start_time - time.time()) < 3600
    run.name = "better"
    assert run.name == "better"
    with pytest.raises(wandb.Invalid, match="name takes a text, not 5"):
        run.name = 5


# --- Rows of the history ----------------------------------------------------------------------------------------------


def test_values_without_commit_wait_for_the_next_row(run):
    run.log({"a": 1}, commit=False)
    run.log({"b": 2}, commit=False)
    assert (run.step, dict(run.summary)) == (0, {})
    run.log({"a": 3, "c": 4})
    assert (run.step, dict(run.summary)) == (1, {"a": 3, "b": 2, "c": 4})
    run.log({"a": 5}, step=7, commit=False)
    run.log({"a": 6}, step=7, commit=False)
    run.log({"d": 7}, step=8, commit=False)
    assert (run.step, run.summary["a"]) == (7, 6)
    run.finish()
    assert (run.step, run.summary["d"]) == (8, 7)


# --- Wrong types ------------------------------------------------------------------------------------------------------

WRONG = object()


def public_functions() -> dict[str, Callable[..., object]]:
    """Every public function of the module and method of its classes, called with nothing else that is wrong."""
    run = wandb.init(project="acme/x", mode="disabled")
    api = wandb.Api("http://127.0.0.1:1", "wllm_0", entity="acme", project="x")
    draft = wandb.Artifact("data", "dataset")
    logged = run.log_artifact(wandb.Artifact("logged", "dataset"))
    found = {name: getattr(wandb, name) for name in ("init", "login", "finish", "log", "log_artifact", "use_artifact")}
    found |= {name: getattr(wandb, name) for name in ("save", "setup", "Artifact", "Api", "ModelRegistry")}
    found |= {f"registry.{name}": getattr(wandb.registry, name) for name in wandb.registry.__all__}
    names = ("id", "name", "type", "project_name", "latest_version", "updated_at", "url")
    record = {**dict.fromkeys(names, "x"), "tags": [], "aliases": [], "version_count": 0}
    fields = dict.fromkeys((field.name for field in dataclasses.fields(StoredRun)), "x")
    stored = StoredRun(**fields | {"config": {}, "summary": {}, "tags": [], "_connection": api._connection})
    for owner in (run, api, draft, logged, stored, Collection(api._connection, record)):
        for name, method in inspect.getmembers(type(owner), inspect.isfunction):
            if not name.startswith("_"):
                found[f"{type(owner).__name__}.{name}{' logged' * (owner is logged)}"] = method.__get__(owner)
    return found


ANYTHING = {"models", "args", "kwargs", "level", "wait_duration", "description", "notes", "title", "text"}


def test_a_value_of_a_wrong_type_is_refused_with_a_sentence():
    raw: list[tuple[str, str, str]] = []
    for label, function in public_functions().items():
        for name, parameter in inspect.signature(function).parameters.items():
            if name in ANYTHING or parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
                continue
            required = {
                other: "data" for other, found in inspect.signature(function).parameters.items()
                if found.default is found.empty and found.kind is found.POSITIONAL_OR_KEYWORD
            }  # fmt: skip
            try:
                result = function(**{**required, name: WRONG})
                if inspect.isgenerator(result):
                    next(result)
                raw.append((label, name, "taken"))
            except wandb.WanLLMDBError:
                pass
            except Exception as error:
                raw.append((label, name, repr(error)))
    wandb.teardown()
    assert raw == []


def test_what_was_given_is_shown_as_far_as_it_is_short_and_no_secret(run):
    with pytest.raises(wandb.Invalid, match="init: project takes a text, not PosixPath"):
        wandb.init(project=Path("churn"))
    with pytest.raises(wandb.Invalid, match="init: tags takes a text or a list, not 5"):
        wandb.init(tags=5)
    with pytest.raises(wandb.Invalid, match="init: tags takes a text or a list, not a value of type dict"):
        wandb.init(tags={"a" * 100: 1})
    with pytest.raises(wandb.Invalid, match=r"Artifact\.wait: timeout takes a number, not 'x'"):
        wandb.Artifact("data", "dataset").wait(timeout="x")
    with pytest.raises(wandb.Invalid) as refused:
        wandb.login(key=b"wllm_secret")
    assert str(refused.value) == "login: key takes a text, not a value of type bytes"
