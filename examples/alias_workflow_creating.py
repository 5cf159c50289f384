"""Create aliases: log an artifact with two aliases, and add a third one later.

Run it against your server:  WANLLMDB_BASE_URL=… WANLLMDB_API_KEY=… python examples/alias_workflow_creating.py
"""

import os
import tempfile
from pathlib import Path

import wanllmdb as wandb

PROJECT = os.environ.get("WANLLMDB_PROJECT", "alias-workflows")


def main() -> None:
    with tempfile.TemporaryDirectory() as directory, wandb.init(project=PROJECT, job_type="collect") as run:
        artifact = wandb.Artifact("created", type="dataset")
        artifact.add_file(collect(Path(directory)))

        # The version and both aliases become visible at the same moment.
        run.log_artifact(artifact, aliases=["latest", "v1"], tags=["daily"])

        # Aliases can be added at any time. `save` sends the changes.
        artifact.aliases.append("reviewed")
        artifact.save()

        collection = wandb.Api().collection(artifact.qualified_name)
        print(f"{collection.qualified_name}, tagged {collection.tags}: {collection.all_aliases()}")
        assert {collection.all_aliases()[alias] for alias in ("latest", "v1", "reviewed")} == {artifact.version}


def collect(directory: Path) -> Path:
    """Generate data."""
    (directory / "data.bin").write_bytes(os.urandom(50_000))
    return directory / "data.bin"


if __name__ == "__main__":
    main()
