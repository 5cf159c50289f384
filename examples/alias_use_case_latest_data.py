"""Always use the latest data: one team updates a dataset, another trains on its latest version.

Run it against your server:  WANLLMDB_BASE_URL=… WANLLMDB_API_KEY=… python examples/alias_use_case_latest_data.py
"""

import os
import random
import tempfile
from pathlib import Path

import wanllmdb as wandb

PROJECT = os.environ.get("WANLLMDB_PROJECT", "alias-use-cases")


def main() -> None:
    with tempfile.TemporaryDirectory() as directory:
        for day in (1, 2):
            data = collect(Path(directory), rows=1000 * day)
            update_dataset(data)
            used = train(Path(directory) / f"downloaded-{day}")
            assert used.read_bytes() == data.read_bytes(), "the training read other data than was collected"
            print(f"Day {day}: the training used the {1000 * day} rows of that day\n")


def update_dataset(data: Path) -> None:
    """The data team: log the data as the latest version."""
    with wandb.init(project=PROJECT, job_type="update-data", reinit=True) as run:
        dataset = wandb.Artifact("customer-data", type="dataset")
        dataset.add_file(data)
        run.log_artifact(dataset, aliases=["latest"])


def train(directory: Path) -> Path:
    """The ML team: use the latest version, whatever its number."""
    with wandb.init(project=PROJECT, job_type="train", reinit=True) as run:
        dataset = run.use_artifact("customer-data", alias="latest")
        return Path(dataset.download(directory)) / "data.csv"


def collect(directory: Path, rows: int) -> Path:
    """Generate the data of a day."""
    lines = (f"{number},{random.random()}" for number in range(rows))
    (directory / "data.csv").write_text("customer,spent\n" + "\n".join(lines) + "\n")
    return directory / "data.csv"


if __name__ == "__main__":
    main()
