"""Log a model from one run, use it in another, and download it.

Run it against your server:  WANLLMDB_BASE_URL=… WANLLMDB_API_KEY=… python examples/artifact_usage.py
"""

import os
import tempfile
from pathlib import Path

import wanllmdb as wandb

PROJECT = os.environ.get("WANLLMDB_PROJECT", "my-project")


def main() -> None:
    with tempfile.TemporaryDirectory() as directory:
        model, checkpoints = train(Path(directory))

        # Initialize a run
        run = wandb.init(project=PROJECT, job_type="train")

        # Create and log a model artifact
        model_artifact = wandb.Artifact(name="my-model", type="model", description="Trained CNN model")
        model_artifact.add_file(model)
        model_artifact.add_dir(checkpoints, name="checkpoints")
        wandb.log_artifact(model_artifact)

        # Use the artifact in another run
        run = wandb.init(project=PROJECT, job_type="evaluate", reinit=True)
        model_artifact = wandb.use_artifact("my-model:latest")

        # Download its files
        path = Path(model_artifact.download(root=Path(directory) / "downloaded"))

        for original in (model, *checkpoints.iterdir()):
            downloaded = path / original.relative_to(directory)
            assert downloaded.read_bytes() == original.read_bytes(), f"{downloaded} differs"
        print(f"{model_artifact.qualified_name}: {model_artifact.file_count} files, identical after the round trip")
        print(
            f"Logged by {model_artifact.logged_by().name!r}, used by {[user.name for user in model_artifact.used_by()]}"
        )
        run.finish()


def train(directory: Path) -> tuple[Path, Path]:
    """Generate weights and checkpoints."""
    (directory / "checkpoints").mkdir()
    for epoch in range(3):
        (directory / "checkpoints" / f"epoch-{epoch}.pth").write_bytes(os.urandom(200_000))
    (directory / "model.pth").write_bytes(os.urandom(2_000_000))
    return directory / "model.pth", directory / "checkpoints"


if __name__ == "__main__":
    main()
