"""Six examples of artifact aliases, one function each.

Run them against your server:  WANLLMDB_BASE_URL=… WANLLMDB_API_KEY=… python examples/artifact_alias_example.py
"""

import os
import random
import tempfile
from pathlib import Path

import wanllmdb as wandb

PROJECT = os.environ.get("WANLLMDB_PROJECT", "alias-examples")


def create_with_aliases(directory: Path) -> str:
    """Example 1: log an artifact with aliases. Returns its version."""
    with wandb.init(project=PROJECT, job_type="data", reinit=True) as run:
        artifact = wandb.Artifact("training-dataset", type="dataset", description="Rows to train on")
        artifact.add_file(write_rows(directory, 100))
        run.log_artifact(artifact, aliases=["latest", "initial"])
        return artifact.version


def update_and_move(directory: Path) -> str:
    """Example 2: log new contents with existing aliases, which move to them. Returns the new version."""
    with wandb.init(project=PROJECT, job_type="data", reinit=True) as run:
        artifact = wandb.Artifact("training-dataset", type="dataset")
        artifact.add_file(write_rows(directory, 200))
        run.log_artifact(artifact, aliases=["latest", "reviewed"])
        return artifact.version


def use_by_alias(directory: Path, newest: str) -> None:
    """Example 3: use the version that an alias points to."""
    with wandb.init(project=PROJECT, job_type="train", reinit=True) as run:
        dataset = run.use_artifact("training-dataset", alias="latest")
        assert dataset.version == newest
        same_bytes(dataset.file(directory / "by-alias"), directory / "rows.csv")


def use_a_version(directory: Path, version: str) -> None:
    """Example 4: use a fixed version, wherever aliases move."""
    with wandb.init(project=PROJECT, job_type="train", reinit=True) as run:
        dataset = run.use_artifact("training-dataset", version=version)
        assert dataset.version == version
        assert len(Path(dataset.file(directory / "by-version")).read_text().splitlines()) == 100


def semantic_versions(directory: Path) -> None:
    """Example 5: name releases by semantic versions; `v1.1` and `stable` move, `v1.1.0` does not."""
    with wandb.init(project=PROJECT, job_type="release", reinit=True) as run:
        for release, aliases in (
            ("1.1.0", ["v1.1.0", "v1.1", "stable"]),
            ("1.1.1", ["v1.1.1", "v1.1", "stable"]),
        ):
            (directory / "model.bin").write_bytes(os.urandom(10_000))
            artifact = wandb.Artifact("classifier", type="model", metadata={"release": release})
            artifact.add_file(directory / "model.bin")
            run.log_artifact(artifact, aliases=aliases)
        for alias, release in (("v1.1.0", "1.1.0"), ("v1.1.1", "1.1.1"), ("v1.1", "1.1.1"), ("stable", "1.1.1")):
            assert run.use_artifact("classifier", alias=alias).metadata == {"release": release}
        same_bytes(run.use_artifact("classifier:stable").file(directory / "stable"), directory / "model.bin")


def production_workflow(directory: Path) -> None:
    """Example 6: train a model for staging, validate it, move `production`, serve it."""
    with wandb.init(project=PROJECT, job_type="train", reinit=True) as run:
        (directory / "ranker.bin").write_bytes(os.urandom(10_000))
        artifact = wandb.Artifact("ranker", type="model")
        artifact.add_file(directory / "ranker.bin")
        run.log_artifact(artifact, aliases=["staging"])
        name = f"{run.entity}/{run.project}/ranker"

    checked = wandb.Api().artifact(f"{name}:staging")
    same_bytes(checked.file(directory / "check"), directory / "ranker.bin")
    checked = wandb.registry.transition_stage(name, checked.version, "Production", comment="Same bytes as trained")
    checked.aliases.remove("staging")
    checked.save()

    with wandb.init(project=PROJECT, job_type="serve", reinit=True) as run:
        served = run.use_artifact("ranker", alias="production")
        assert served.version == artifact.version
        same_bytes(served.file(directory / "serve"), directory / "ranker.bin")
        try:
            run.use_artifact("ranker", alias="staging")
        except wandb.AliasNotFound as missing:
            print(f"Staging is empty again: {missing}")


def same_bytes(downloaded: str, original: Path) -> None:
    assert Path(downloaded).read_bytes() == original.read_bytes(), f"{downloaded} differs from {original}"


def write_rows(directory: Path, rows: int) -> Path:
    (directory / "rows.csv").write_text("".join(f"{number},{random.random()}\n" for number in range(rows)))
    return directory / "rows.csv"


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        first = create_with_aliases(directory)
        second = update_and_move(directory)
        use_by_alias(directory, newest=second)
        use_a_version(directory, version=first)
        semantic_versions(directory)
        production_workflow(directory)
    print("All six examples ran, and all downloads are identical to what was logged")


if __name__ == "__main__":
    main()
