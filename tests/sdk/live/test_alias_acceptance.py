"""The acceptance criteria of the alias system that concern the SDK, one test each."""

import importlib.util
from pathlib import Path

import pytest

import wanllmdb as wandb
from harness import servers

ALL = ["latest", "v1", "production"]


@pytest.fixture
def dataset(tmp_path) -> wandb.Artifact:
    (tmp_path / "data.csv").write_text("1,2\n")
    artifact = wandb.Artifact("training-dataset", type="dataset")
    artifact.add_file(tmp_path / "data.csv")
    return artifact


def test_log_artifact_accepts_aliases(run, dataset):
    run.log_artifact(dataset, aliases=ALL)
    assert sorted(dataset.aliases) == sorted(ALL)
    assert wandb.Api().collection(dataset.qualified_name).all_aliases() == dict.fromkeys(ALL, "v1")


def test_use_artifact_supports_an_alias(run, dataset, tmp_path):
    run.log_artifact(dataset, aliases=ALL)
    for alias in ALL:
        used = run.use_artifact("training-dataset", alias=alias)
        assert (used.version, used.id) == ("v1", dataset.id)
        assert Path(used.file(tmp_path / alias)).read_text() == "1,2\n"


def test_the_console_output_is_clear(run, dataset, capsys):
    capsys.readouterr()
    run.log_artifact(dataset, aliases=ALL)
    run.use_artifact("training-dataset", alias="latest")
    assert capsys.readouterr().out == (
        "Logging artifact 'training-dataset' (dataset)...\n"
        "  Created version: v1\n"
        "  Adding 3 alias(es)...\n"
        "    ✓ 'latest'\n"
        "    ✓ 'v1'\n"
        "    ✓ 'production'\n"
        "Using artifact 'training-dataset'...\n"
        "  Using alias 'latest' → version 'v1'\n"
        "  ✓ Artifact 'training-dataset:v1' ready\n"
    )


def test_a_missing_alias_is_a_helpful_error(run, dataset):
    run.log_artifact(dataset, aliases=ALL)
    with pytest.raises(wandb.AliasNotFound) as error:
        run.use_artifact("training-dataset", alias="staging")
    assert str(error.value).startswith("Alias 'staging' not found on artifact 'training-dataset'")
    assert sorted(error.value.aliases) == sorted(ALL)
    assert all(alias in str(error.value) for alias in ALL)


def test_the_example_file_demonstrates_all_features(bob, project, monkeypatch, capsys):
    monkeypatch.setenv("WANLLMDB_PROJECT", project)
    spec = importlib.util.spec_from_file_location("example", servers.ROOT / "examples" / "artifact_alias_example.py")
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    example.main()
    output = capsys.readouterr().out
    for feature in (
        "Adding 2 alias(es)...",
        "✓ 'initial'",
        "Using alias 'latest' → version 'v2'",
        "Using version 'v1'",
        "Using alias 'v1.1.0' → version 'v1'",
        "Moving alias 'production' of artifact 'ranker'...",
        "Staging is empty again: Alias 'staging' not found",
        "All six examples ran",
    ):
        assert feature in output
