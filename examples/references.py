"""Version data that stays where it is: a directory, and objects of a bucket, as references.

Run it against your server:  WANLLMDB_BASE_URL=… WANLLMDB_API_KEY=… python examples/references.py
"""

import os
import tempfile
from pathlib import Path

import wanllmdb as wandb

PROJECT = os.environ.get("WANLLMDB_PROJECT", "my-project")
# One that you can read, such as s3://my-bucket/images/: then each of its objects becomes a reference.
FOLDER = os.environ.get("REFERENCES_FOLDER")


def main() -> None:
    with tempfile.TemporaryDirectory() as directory, wandb.init(project=PROJECT, job_type="collect") as run:
        images = Path(directory, "images")
        images.mkdir()
        for number in range(3):
            (images / f"{number}.png").write_bytes(os.urandom(100))

        # A reference for each file, with its sha256. Nothing is copied.
        data = wandb.Artifact("images", type="dataset")
        for entry in data.add_reference(images.as_uri(), name="images"):
            print(f"{entry.path}: {entry.size} bytes at {entry.ref}")

        # An object whose hash is known is not opened, so that this needs no credentials.
        data.add_reference("s3://example-bucket/labels.csv", sha256_hash="0" * 64, size=1234)
        # Neither is one whose changes need not be noticed.
        data.add_reference("https://example.org/licence.txt", checksum=False)
        if FOLDER:
            data.add_reference(FOLDER, name="bucket")

        run.log_artifact(data)
        print(f"{data.qualified_name}: {len(data.references())} of {data.file_count} files are elsewhere")

        # The same references are the same version; a changed file makes a new one.
        same = wandb.Artifact("images", type="dataset")
        for file in data.references():
            same.add_reference(file, name=file.path, checksum=False)
        assert len(same.references()) == len(data.references())

        (images / "0.png").write_bytes(os.urandom(100))
        changed = wandb.Artifact("images", type="dataset")
        changed.add_reference(images.as_uri(), name="images")
        run.log_artifact(changed)
        assert changed.get_entry("images/0.png").digest != data.get_entry("images/0.png").digest
        assert changed.get_entry("images/1.png").digest == data.get_entry("images/1.png").digest


if __name__ == "__main__":
    main()
