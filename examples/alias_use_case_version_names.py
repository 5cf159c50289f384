"""Name versions by convention: the latest, the stable release, a semantic version, and the one in production.

Run it against your server:  WANLLMDB_BASE_URL=… WANLLMDB_API_KEY=… python examples/alias_use_case_version_names.py
"""

import os
import tempfile
from pathlib import Path

import wanllmdb as wandb

PROJECT = os.environ.get("WANLLMDB_PROJECT", "alias-use-cases")


def main() -> None:
    with tempfile.TemporaryDirectory() as directory, wandb.init(project=PROJECT, job_type="release") as run:
        contents = os.urandom(50_000)
        (Path(directory) / "tokenizer.bin").write_bytes(contents)
        artifact = wandb.Artifact("tokenizer", type="model")
        artifact.add_file(Path(directory) / "tokenizer.bin")
        run.log_artifact(
            artifact,
            aliases=[
                "latest",  # Always points to the newest version
                "stable",  # Points to the stable release
                "v1.2.3",  # A specific version
                "production",  # Currently deployed
            ],
        )

        for alias in ("latest", "stable", "v1.2.3", "production"):
            used = run.use_artifact("tokenizer", alias=alias)
            file = Path(used.file(root=Path(directory) / alias))
            assert file.read_bytes() == contents, f"{alias} has other bytes"
            assert used.version == artifact.version
        print(f"Four aliases point to the same version: tokenizer:{artifact.version}")


if __name__ == "__main__":
    main()
