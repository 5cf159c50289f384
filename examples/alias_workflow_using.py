"""Using aliases: what a name means now, what it meant then, and what happens if there is none.

Run it against your server:  WANLLMDB_BASE_URL=… WANLLMDB_API_KEY=… python examples/alias_workflow_using.py
"""

import os
import tempfile
from pathlib import Path

import wanllmdb as wandb

PROJECT = os.environ.get("WANLLMDB_PROJECT", "alias-workflows")


def main() -> None:
    with tempfile.TemporaryDirectory() as place, wandb.init(project=PROJECT, job_type="train") as run:
        before = log(run, Path(place))
        moment = next(wandb.registry.history("used", "latest")).created_at
        after = log(run, Path(place))

        # Whatever `latest` is at.
        artifact = run.use_artifact("used", alias="latest")
        assert artifact.version == after.version
        assert Path(artifact.file(Path(place) / "now")).read_bytes() == (Path(place) / "rows.bin").read_bytes()

        # What it was at before: a result can be made again, although the name has moved on.
        assert run.use_artifact("used:latest", at=moment).version == before.version

        # A name that nobody has given says which ones there are.
        try:
            run.use_artifact("used", alias="production")
        except wandb.AliasNotFound as missing:
            print(f"Nothing is in production: {missing}")
            assert "latest" in missing.aliases


def log(run: wandb.Run, place: Path) -> wandb.Artifact:
    """A version with contents of its own."""
    (place / "rows.bin").write_bytes(os.urandom(50_000))
    artifact = wandb.Artifact("used", type="dataset")
    artifact.add_file(place / "rows.bin")
    return run.log_artifact(artifact)


if __name__ == "__main__":
    main()
