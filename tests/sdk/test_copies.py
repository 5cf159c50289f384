"""Copies and pickles of what the SDK hands out."""

import copy
import pickle
from pathlib import Path

import pytest

import wanllmdb as wandb

COPIES = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "pickle": lambda thing: pickle.loads(pickle.dumps(thing)),
}
copied_by = pytest.mark.parametrize("copied", COPIES.values(), ids=COPIES)


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    monkeypatch.setenv("WANLLMDB_MODE", "disabled")
    monkeypatch.setenv("WANLLMDB_API_KEY", "wllm_of-the-environment")


@copied_by
def test_a_copy_of_a_draft_is_a_draft_of_its_own(copied, tmp_path):
    (tmp_path / "a.txt").write_text("a")
    draft = wandb.Artifact("data", "dataset", "Rows", {"eval": {"acc": 0.9}})
    draft.add_file(tmp_path / "a.txt")
    other = copied(draft)
    other.metadata["eval"]["acc"] = 0.5
    other.description = "Others"
    other.add_file(tmp_path / "a.txt", name="b.txt")
    with other.new_file("c.txt") as file:
        file.write("c")
    other.remove("a.txt")
    assert (draft.description, draft.metadata) == ("Rows", {"eval": {"acc": 0.9}})
    assert (other.name, other.type, other.description, other.metadata) == (
        "data", "dataset", "Others", {"eval": {"acc": 0.5}},
    )  # fmt: skip
    other.metadata["set"] = {1}
    assert other.metadata["set"] == [1]
    with wandb.init(project="acme/x") as run:
        assert (run.log_artifact(draft).file_count, run.log_artifact(other).file_count) == (1, 2)


def test_files_that_were_written_for_a_draft_live_as_long_as_its_copy():
    draft = wandb.Artifact("data", "dataset")
    with draft.new_file("a.txt") as file:
        file.write("a")
    other = copy.deepcopy(draft)
    del draft
    assert other._state.size == 1


@copied_by
def test_a_copy_of_a_logged_artifact_has_edits_of_its_own(copied):
    with wandb.init(project="acme/x") as run:
        logged = run.log_artifact(wandb.Artifact("data", "dataset", metadata={"eval": [1]}), aliases=["best"])
    other = copied(logged)
    other.metadata["eval"].append(2)
    other.aliases.append("worst")
    assert (logged.metadata, logged.aliases) == ({"eval": [1]}, ["latest", "best"])
    assert (other.qualified_name, other.metadata, other.aliases) == (
        logged.qualified_name, {"eval": [1, 2]}, ["latest", "best", "worst"],
    )  # fmt: skip


@copied_by
def test_a_copy_of_a_run(copied):
    with wandb.init(project="acme/x", name="try", config={"lr": 1}, tags=["a"]) as run:
        run.log({"loss": 0.5})
        other = copied(run)
        assert (other.id, other.name, other.tags, other.step, other.state) == (run.id, "try", ("a",), 1, "running")
        assert (other.config, other.summary) == ({"lr": 1}, {"loss": 0.5})
        if other is not run:
            with pytest.raises(wandb.Invalid, match="this copy of run 'try' was unpickled"):
                other.log({"loss": 0.1})
            other.finish()
        assert (run.state, run.summary["loss"]) == ("running", 0.5)


@copied_by
def test_a_copy_of_an_api(copied):
    api = wandb.Api(base_url="http://127.0.0.1:9", entity="acme", project="x")
    assert api._connection.client  # which holds locks and sockets
    other = copied(api)
    assert other._connection.settings == api._connection.settings


def test_no_pickle_has_the_key(monkeypatch):
    api = wandb.Api(base_url="http://127.0.0.1:9", api_key="wllm_given")
    with wandb.init(project="acme/x") as run:
        logged = run.log_artifact(wandb.Artifact("data", "dataset"))
        for thing in (api, run, logged):
            pickled = pickle.dumps(thing)
            assert b"wllm_" not in pickled
    assert pickle.loads(pickle.dumps(api))._connection.settings.api_key == "wllm_of-the-environment"


def test_metadata_is_converted_when_it_is_given_and_shares_nothing():
    given = {"paths": {Path("a")}, "eval": {"acc": float("nan")}}
    draft = wandb.Artifact("data", "dataset", metadata=given)
    assert draft.metadata == {"paths": ["a"], "eval": {"acc": "NaN"}}
    given["eval"]["acc"] = 1
    draft.metadata["more"] = range(2)
    draft.metadata.update(most=b"x")
    assert draft.metadata == {"paths": ["a"], "eval": {"acc": "NaN"}, "more": [0, 1], "most": "x"}
    draft.metadata = None
    assert draft.metadata == {}
    draft.description = Path("readme.md")
    assert draft.description == wandb.Artifact("data", "dataset", Path("readme.md")).description == "readme.md"
    draft.description = None
    assert draft.description == ""
    for wrong in (5, "a", [1], wandb.Artifact):
        with pytest.raises(wandb.Invalid, match="metadata takes a mapping"):
            draft.metadata = wrong
        with pytest.raises(wandb.Invalid, match="metadata takes a mapping"):
            wandb.Artifact("data", "dataset", metadata=wrong)
