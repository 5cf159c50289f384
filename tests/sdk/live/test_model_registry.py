"""`ModelRegistry`: models, versions and stages as artifacts and their aliases."""

from pathlib import Path

import pytest

import wanllmdb as wandb


def test_from_training_to_production(run, project, tmp_path):
    weights = tmp_path / "model.pkl"
    weights.write_bytes(b"1")
    registry = wandb.ModelRegistry()
    first = registry.log_model(
        run=run, model_path=str(weights), registered_model_name="credit-risk", version="v1.0.0",
        description="Baseline", tags=["baseline"], metadata={"framework": "sklearn"},
    )  # fmt: skip
    assert (first["version"], first["number"], first["stage"]) == ("v1.0.0", 1, "none")
    assert (first["run_id"], first["metadata"], first["description"]) == (
        *(run.id, {"framework": "sklearn"}),
        "Baseline",
    )
    weights.write_bytes(b"2")
    assert registry.log_model(run, weights.parent, "credit-risk")["version"] == "v2"

    assert registry.transition_stage("credit-risk", "v1.0.0", "production")["stage"] == "production"
    moved = registry.transition_stage("credit-risk", 2, "Staging", comment="Trial")
    assert (moved["version"], moved["stage"]) == ("v2", "staging")
    assert wandb.registry.history("credit-risk", "staging").__next__().reason == "Trial"
    assert [(row["version"], row["stage"]) for row in registry.get_model_versions("credit-risk")] == [
        *(("v2", "staging"), ("v1.0.0", "production")),
    ]
    assert [row["version_id"] for row in registry.get_model_versions("credit-risk", "production")] == [
        first["version_id"]
    ]

    for wanted, content in (({"stage": "production"}, b"1"), ({"version": "v1.0.0"}, b"1"), ({}, b"2")):
        root = registry.use_model("credit-risk", download_path=tmp_path / f"down-{len(wanted)}", **wanted)
        assert Path(root, "model.pkl").read_bytes() == content
    assert [record.id for record in wandb.Api().artifact(f"{project}/credit-risk").used_by()] == [run.id]
    assert registry.transition_stage("credit-risk", "v1.0.0", "archived")["stage"] == "none"
    with pytest.raises(wandb.AliasNotFound, match="'production'"):
        registry.use_model("credit-risk", stage="production")
    with pytest.raises(wandb.Invalid, match="either a version or a stage"):
        registry.use_model("credit-risk", version=1, stage="production")


def test_the_models_of_a_project(run, project, tmp_path):
    (tmp_path / "a").write_text("a")
    run.log_artifact(tmp_path / "a", name="data", type="dataset")
    wandb.ModelRegistry().log_model(run, tmp_path / "a", "credit-risk", tags="eu")
    run.finish()
    project_id = wandb.Api().project(project).id
    for registry in (wandb.ModelRegistry(project=project), wandb.ModelRegistry(wandb.Api(), project_id)):
        (model,) = registry.list_models()
        assert (model["name"], model["tags"], model["latest_version"]) == ("credit-risk", ["eu"], "v1")
        assert registry.list_models(search="nothing") == []
        with pytest.raises(wandb.TypeDiffers, match="'data' is a dataset, not a model"):
            registry.get_model_versions("data")
        with pytest.raises(wandb.TypeDiffers):
            registry.use_model("data")
        with pytest.raises(wandb.NotFound):
            registry.get_model_versions("none")
        assert registry.get_model_versions(f"{project}/credit-risk")[0]["version"] == "v1"
    with pytest.raises(wandb.Invalid, match="No project given"):
        wandb.ModelRegistry().list_models()
