"""Creating aliases: log an artifact under two names, and give it a third one afterwards.

Run it against your server:  WANLLMDB_BASE_URL=… WANLLMDB_API_KEY=… python examples/alias_workflow_creating.py
"""

import os
import tempfile
from pathlib import Path

import wanllmdb as wandb

PROJECT = os.environ.get("WANLLMDB_PROJECT", "alias-workflows")


def main() -> None:
    with tempfile.TemporaryDirectory() as place, wandb.init(project=PROJECT, job_type="collect") as run:
        artifact = wandb.Artifact("created", type="dataset")
        artifact.add_file(collect(Path(place)))

        # Both names are there in the moment in which the version is, and not before.
        run.log_artifact(artifact, aliases=["latest", "v1"], tags=["daily"])

        # A name can be added at any time. `save` sends what was changed.
        artifact.aliases.append("reviewed")
        artifact.save()

        there = wandb.Api().collection(artifact.qualified_name)
        print(f"{there.qualified_name}, tagged {there.tags}: {there.all_aliases()}")
        assert {there.all_aliases()[alias] for alias in ("latest", "v1", "reviewed")} == {artifact.version}


def collect(place: Path) -> Path:
    """Stands for what customers did today."""
    (place / "data.bin").write_bytes(os.urandom(50_000))
    return place / "data.bin"


if __name__ == "__main__":
    main()
