"""Use aliases: at their current version, as of a time in the past, and when they do not exist.

Run it against your server:  WANLLMDB_BASE_URL=… WANLLMDB_API_KEY=… python examples/alias_workflow_using.py
"""

import os
import tempfile
from pathlib import Path

import wanllmdb as wandb

PROJECT = os.environ.get("WANLLMDB_PROJECT", "alias-workflows")


def main() -> None:
    with tempfile.TemporaryDirectory() as directory, wandb.init(project=PROJECT, job_type="train") as run:
        before = log(run, Path(directory))
        past = next(wandb.registry.history("used", "latest")).created_at
        after = log(run, Path(directory))

        # The current version of `latest`.
        artifact = run.use_artifact("used", alias="latest")
        assert artifact.version == after.version
        assert Path(artifact.file(Path(directory) / "now")).read_bytes() == (Path(directory) / "rows.bin").read_bytes()

        # The version it had before: a result can be reproduced although the alias has moved.
        assert run.use_artifact("used:latest", at=past).version == before.version

        # The error for an alias that does not exist lists the existing ones.
        try:
            run.use_artifact("used", alias="production")
        except wandb.AliasNotFound as missing:
            print(f"Nothing is in production: {missing}")
            assert "latest" in missing.aliases


def log(run: wandb.Run, directory: Path) -> wandb.Artifact:
    """Log a version with new contents."""
    (directory / "rows.bin").write_bytes(os.urandom(50_000))
    artifact = wandb.Artifact("used", type="dataset")
    artifact.add_file(directory / "rows.bin")
    return run.log_artifact(artifact)


if __name__ == "__main__":
    main()
