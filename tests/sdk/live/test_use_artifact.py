import pytest

import wanllmdb as wandb
from wanllmdb.sdk.http_client import Client


@pytest.fixture
def logged(run, tmp_path) -> list[wandb.Artifact]:
    """Three versions of `training-dataset`: the first is `stable`, the second `production`, the third `latest`."""
    versions = []
    for number, alias in enumerate(["stable", "production", None], 1):
        artifact = wandb.Artifact("training-dataset", "dataset")
        with artifact.new_file("rows.csv") as file:
            file.write(f"version {number}")
        versions.append(run.log_artifact(artifact, aliases=alias))
    return versions


@pytest.mark.parametrize(
    ("arguments", "version"),
    [
        ({"name_or_artifact": "training-dataset"}, "v3"),
        ({"name_or_artifact": "training-dataset:latest"}, "v3"),
        ({"name_or_artifact": "training-dataset:stable"}, "v1"),
        ({"name_or_artifact": "training-dataset:v2"}, "v2"),
        ({"name_or_artifact": "training-dataset", "alias": "production"}, "v2"),
        ({"name_or_artifact": "training-dataset", "version": "v1"}, "v1"),
        ({"name_or_artifact": "training-dataset", "version": 1}, "v1"),
        ({"name_or_artifact": "training-dataset", "version": "1"}, "v1"),
        ({"name_or_artifact": "training-dataset", "type": "dataset"}, "v3"),
    ],
)
def test_a_version_is_resolved_by_its_name(run, logged, arguments, version):
    artifact = run.use_artifact(**arguments)
    assert (artifact.name, artifact.type, artifact.version) == ("training-dataset", "dataset", version)


def test_a_version_is_resolved_from_another_project(run, logged, project):
    with wandb.init(project=f"{project}-other", reinit=True) as other:
        assert other.use_artifact(f"{project}/training-dataset:stable").version == "v1"
        assert other.use_artifact(f"{project.split('/')[1]}/training-dataset:stable").version == "v1"
        with pytest.raises(wandb.NotFound):
            other.use_artifact("training-dataset:stable")


def test_console_output(run, logged, capsys):
    capsys.readouterr()
    run.use_artifact("training-dataset", alias="latest")
    assert capsys.readouterr().out == (
        "Using artifact 'training-dataset'...\n"
        "  Using alias 'latest' → version 'v3'\n"
        "  ✓ Artifact 'training-dataset:v3' ready\n"
    )
    run.use_artifact("training-dataset", version="v2")
    assert capsys.readouterr().out == (
        "Using artifact 'training-dataset'...\n  Using version 'v2'\n  ✓ Artifact 'training-dataset:v2' ready\n"
    )


def test_a_missing_alias_lists_the_existing_ones(run, logged):
    with pytest.raises(wandb.AliasNotFound, match="Alias 'nope' not found") as error:
        run.use_artifact("training-dataset", alias="nope")
    assert error.value.aliases == ["production", "latest", "stable"]
    assert all(alias in str(error.value) for alias in error.value.aliases)


def test_a_missing_version_and_a_missing_artifact_are_errors(run, logged):
    with pytest.raises(wandb.VersionNotFound, match="v9"):
        run.use_artifact("training-dataset", version="v9")
    with pytest.raises(wandb.NotFound, match="absent"):
        run.use_artifact("absent:latest")


def test_another_type_is_rejected(run, logged):
    with pytest.raises(wandb.TypeDiffers, match="is a dataset, not a model"):
        run.use_artifact("training-dataset", type="model")


@pytest.mark.parametrize(
    "arguments",
    [
        {"name_or_artifact": "a:v1", "alias": "x"},
        {"name_or_artifact": "a:v1", "version": "v1"},
        {"name_or_artifact": "a", "alias": "x", "version": "v1"},
        {"name_or_artifact": ""},
        {"name_or_artifact": "a:"},
        {"name_or_artifact": "a//b"},
        {"name_or_artifact": "a/b/c/d:x"},
        {"name_or_artifact": "a", "alias": "with:colon"},
    ],
)
def test_an_invalid_name_is_rejected(run, arguments):
    with pytest.raises(wandb.Invalid):
        run.use_artifact(**arguments)


def test_the_usage_is_recorded(run, logged, project):
    with wandb.init(project=project, name="trainer", reinit=True) as trainer:
        artifact = trainer.use_artifact("training-dataset:stable")
        trainer.use_artifact(artifact)
    assert [run.name for run in artifact.used_by()] == ["trainer"]
    assert artifact.logged_by().id == run.id


def test_a_draft_cannot_be_used(run):
    with pytest.raises(wandb.NotLogged):
        run.use_artifact(wandb.Artifact("x", "dataset"))


def test_save_moves_and_removes_aliases(run, logged):
    first, second, third = logged
    third.aliases = "production"
    third.description = "The best so far"
    third.save()
    assert run.use_artifact("training-dataset:production").version == "v3"
    assert run.use_artifact("training-dataset:v3").description == "The best so far"
    with pytest.raises(wandb.AliasNotFound):
        run.use_artifact("training-dataset:latest")
    # The second one still lists `production`: removing it there does not remove it from the third.
    second.aliases.remove("production")
    second.save()
    assert run.use_artifact("training-dataset:production").version == "v3"
    first.aliases.append("with space")
    with pytest.raises(wandb.InvalidName):
        first.save()


def test_save_moves_all_aliases_or_none(run, logged, stack):
    project = f"{run.entity}/{run.project}"
    rule = {"project": project, "pattern": "production", "role": "admin"}
    Client(stack.base_url, stack.key("alice")).post("/alias-rules", rule)
    third = logged[2]
    third.aliases[:] = ["champion", "stable", "production"]
    with pytest.raises(wandb.AliasProtected):
        third.save()
    collection = wandb.Api().collection(f"{project}/training-dataset")
    assert collection.all_aliases() == {"latest": "v3", "production": "v2", "stable": "v1"}
    third.aliases.remove("production")
    third.save()
    assert third.aliases == ["champion", "stable"]
    assert collection.all_aliases() == {"champion": "v3", "production": "v2", "stable": "v3"}


def test_save_does_not_remove_aliases_that_somebody_moved(run, logged, capsys):
    first, second, third = logged
    third.aliases.append("production")
    third.save()
    wandb.registry.transition_stage("training-dataset", "v1", "Archived", alias="stable")
    first.aliases.remove("stable")
    first.aliases.append("oldest")
    second.aliases.remove("production")
    second.aliases.append("second")
    capsys.readouterr()
    first.save()
    second.save()
    assert capsys.readouterr().out == (
        "  Alias 'stable' was already removed by someone else: not removed from here\n"
        "  Alias 'production' was moved to v3 by someone else: not removed from here\n"
    )
    assert wandb.Api().collection(third.qualified_name).all_aliases() == {
        **{"latest": "v3", "production": "v3"},
        **{"oldest": "v1", "second": "v2"},
    }
