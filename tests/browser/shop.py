"""What the browser tests and the screenshots look at: a team's week of work, logged through the SDK over HTTP."""

import csv
import io
import json
import random
import struct
import zlib
from pathlib import Path

import wanllmdb
from tests.servers import Stack


def fill(stack: Stack, folder: Path) -> None:
    """The project acme/recommender with a dataset in three versions and a model in eight, two runs, some aliases."""
    chance = random.Random(7)
    with wanllmdb.init(project="recommender", entity="acme", name="prepare-ratings", job_type="prepare") as run:
        for number in range(3):
            dataset = wanllmdb.Artifact(
                "interactions",
                type="dataset",
                description="Ratings of **users** for items.\n\n- one row a rating\n- refreshed nightly",
                metadata={"rows": 400 + 100 * number, "columns": ["user", "item", "rating"], "source": {"db": "dwh"}},
            )
            dataset.add_dir(str(_write(folder / f"data-{number}", _dataset(chance, 400 + 100 * number))))
            run.log_artifact(dataset, aliases=["staging"] if number == 2 else [])
    config = {"learning_rate": 0.01, "epochs": 8, "layers": [64, 32]}
    with wanllmdb.init(project="recommender", entity="acme", name="train-ranker", job_type="train", config=config) as run:
        run.use_artifact("interactions:latest").download(str(folder / "used"))
        for number in range(8):
            model = wanllmdb.Artifact("ranker", type="model", metadata={"rmse": round(1 / (number + 2), 4)})
            model.add_dir(str(_write(folder / f"model-{number}", _model(chance, number))))
            run.log_artifact(model, aliases={5: ["production"], 7: ["staging"]}.get(number, []))
            run.log({"rmse": 1 / (number + 2)})


def _write(folder: Path, contents: dict[str, bytes]) -> Path:
    for name, content in contents.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def _dataset(chance: random.Random, rows: int) -> dict[str, bytes]:
    return {
        "README.md": b"# Interactions\n\nOne row a rating, *pseudonymised*.\n",
        "schema.json": json.dumps({"user": "int", "item": "int", "rating": {"min": 1, "max": 5}}).encode(),
        "data/train.csv": _table(chance, rows),
        "data/test.csv": _table(chance, 50),
        "images/sample.png": _png(),
    }


def _model(chance: random.Random, number: int) -> dict[str, bytes]:
    weights = [chance.uniform(-1, 1) for _ in range(64)]
    header = json.dumps({"weight": {"dtype": "F32", "shape": [8, 8], "data_offsets": [0, 256]}}).encode()
    return {
        "model.safetensors": struct.pack("<Q", len(header)) + header + struct.pack("<64f", *weights),
        "train.py": f'"""Train the ranker."""\n\nEPOCHS = {number + 1}\n\n\ndef main() -> None:\n    print(EPOCHS)\n'.encode(),
        "notes.txt": f"attempt {number}\n".encode(),
    }


def _table(chance: random.Random, rows: int) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["user", "item", "rating"])
    writer.writerows([chance.randint(1, 500), chance.randint(1, 900), chance.randint(1, 5)] for _ in range(rows))
    return text.getvalue().encode()


def _png() -> bytes:
    """A plain square, 8 pixels wide."""
    rows = b"".join(b"\0" + b"\x2f\x55\xc8" * 8 for _ in range(8))

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", 8, 8, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
