"""Name versions by convention: the newest, the stable one, a semantic version, and what is deployed.

Run it against your server:  WANLLMDB_BASE_URL=… WANLLMDB_API_KEY=… python examples/alias_use_case_version_names.py
"""

import os
import tempfile
from pathlib import Path

import wanllmdb as wandb

PROJECT = os.environ.get("WANLLMDB_PROJECT", "alias-use-cases")


def main() -> None:
    with tempfile.TemporaryDirectory() as place, wandb.init(project=PROJECT, job_type="release") as run:
        contents = os.urandom(50_000)
        (Path(place) / "tokenizer.bin").write_bytes(contents)
        artifact = wandb.Artifact("tokenizer", type="model")
        artifact.add_file(Path(place) / "tokenizer.bin")
        run.log_artifact(
            artifact,
            aliases=[
                "latest",  # Always points to the newest
                "stable",  # Points to the stable release
                "v1.2.3",  # A specific version
                "production",  # Currently deployed
            ],
        )

        for alias in ("latest", "stable", "v1.2.3", "production"):
            found = run.use_artifact("tokenizer", alias=alias)
            file = Path(found.file(root=Path(place) / alias))
            assert file.read_bytes() == contents, f"{alias} leads to other bytes"
            assert found.version == artifact.version
        print(f"Four names lead to the same bytes: tokenizer:{artifact.version}")


if __name__ == "__main__":
    main()
