"""Programs that know something by its old name go on while it is renamed."""

import pytest

import wanllmdb as wandb
from wanllmdb.sdk import errors


def rename(kind: str, pk: str, name: str) -> None:
    wandb.Api()._connection.client.patch(f"/{kind}/{pk}", {"name": name})


def draft(text: str, name: str = "data") -> wandb.Artifact:
    artifact = wandb.Artifact(name, type="dataset")
    with artifact.new_file("a.txt") as file:
        file.write(text)
    return artifact


def test_a_running_program_uses_and_logs_by_old_names(run, project):
    first = run.log_artifact(draft("1"))
    api = wandb.Api()
    rename("artifacts", api.collection(f"{project}/data").id, "rows")
    rename("projects", api.project(project).id, f"{project.partition('/')[2]}-renamed")

    # By the run, whose project was called so, and by the object in hand.
    assert run.use_artifact("data:latest").version == run.use_artifact(first).version == "v1"
    second = run.log_artifact(draft("2"))
    assert (second.version, second.qualified_name) == ("v2", f"{project}-renamed/rows:v2")
    for name in (f"{project}/data", f"{project}-renamed/data", f"{project}/rows"):
        assert api.artifact(f"{name}:v2").digest == second.digest
        assert api.collection(name).name == "rows"
    assert api.project(project).full_name == f"{project}-renamed"
    run.finish()
    with wandb.init(project=project) as other:
        assert other.project == f"{project.partition('/')[2]}-renamed"


def test_a_run_is_in_its_project_whatever_that_is_called(bob, project):
    """Not even if something else has the old name by now."""
    with wandb.init(project=f"{project}-other") as other:
        of_other = other.log_artifact(draft("of the other"))
    with wandb.init(project=project) as run:
        first = run.log_artifact(draft("1"))
        name = project.partition("/")[2]
        rename("projects", wandb.Api().project(project).id, f"{name}-renamed")
        # As if the other had the old name by now.
        run._record["project_name"] = f"{project}-other"
        first._logged("test").record["project_name"] = f"{project}-other"

        assert run.log_artifact(draft("2"), aliases="staging").qualified_name == f"{project}-renamed/data:v2"
        for name_or_artifact in (first, "data:v1", f"{name}-renamed/data:v1"):
            assert run.use_artifact(name_or_artifact).digest == first.digest != of_other.digest
        assert run.log_artifact(first, aliases="again").qualified_name == f"{project}-renamed/data:v1"
        assert wandb.registry.rollback("data", "latest").version == "v1"
        assert run.save(__file__) and run.project == f"{name}-renamed"
    assert wandb.Api().collection(f"{project}-other/data").version_count == 1
    assert len(list(wandb.Api().artifacts(f"{project}-other"))) == 1


def test_a_loaded_object_whose_version_was_deleted(run, project):
    first = run.log_artifact(draft("1"))
    run.log_artifact(draft("2"))
    wandb.Api()._connection.client.delete(f"/artifacts/versions/{first.id}")

    with pytest.raises(errors.VersionNotFound, match="Version v1 of artifact 'data' was deleted"):
        run.use_artifact(first)


def test_a_name_that_is_kept_is_an_error_of_its_own(run, project):
    api = wandb.Api()
    rename("projects", api.project(project).id, f"{project.partition('/')[2]}-renamed")
    team, _, name = project.partition("/")
    with pytest.raises(errors.NameReserved, match="reserved until"):
        api._connection.client.post("/projects", {"team": team, "name": name})


def test_an_editor_does_not_open_a_project(run, project):
    client = wandb.Api()._connection.client
    with pytest.raises(errors.Denied, match="Only an admin of acme"):
        client.patch(f"/projects/{wandb.Api().project(project).id}", {"visibility": "internal"})
