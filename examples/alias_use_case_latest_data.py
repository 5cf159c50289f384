"""Always use the latest data: one team updates a dataset, the other trains on whatever is newest.

Run it against your server:  WANLLMDB_BASE_URL=… WANLLMDB_API_KEY=… python examples/alias_use_case_latest_data.py
"""

import os
import random
import tempfile
from pathlib import Path

import wanllmdb as wandb

PROJECT = os.environ.get("WANLLMDB_PROJECT", "alias-use-cases")


def main() -> None:
    with tempfile.TemporaryDirectory() as place:
        for day in (1, 2):
            data = collect(Path(place), rows=1000 * day)
            update_dataset(data)
            used = train(Path(place) / f"downloaded-{day}")
            assert used.read_bytes() == data.read_bytes(), "the training read other data than was collected"
            print(f"Day {day}: the training used the {1000 * day} rows of today\n")


def update_dataset(data: Path) -> None:
    """The data team: log the data and tag it as latest."""
    with wandb.init(project=PROJECT, job_type="update-data", reinit=True) as run:
        dataset = wandb.Artifact("customer-data", type="dataset")
        dataset.add_file(data)
        run.log_artifact(dataset, aliases=["latest"])


def train(place: Path) -> Path:
    """The ML team: always use the latest, without knowing its version."""
    with wandb.init(project=PROJECT, job_type="train", reinit=True) as run:
        dataset = run.use_artifact("customer-data", alias="latest")
        return Path(dataset.download(place)) / "data.csv"


def collect(place: Path, rows: int) -> Path:
    """Stands for what customers did today."""
    lines = (f"{number},{random.random()}" for number in range(rows))
    (place / "data.csv").write_text("customer,spent\n" + "\n".join(lines) + "\n")
    return place / "data.csv"


if __name__ == "__main__":
    main()
