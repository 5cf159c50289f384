"""What the browser tests and the screenshots look at: a team's week of work, logged through the SDK over HTTP."""

import csv
import io
import json
import os
import random
import struct
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet

import wanllmdb
from harness.servers import Stack, free_port
from tests.browser import preview_files
from tests.notifications.receiver import Receiver, status

TIMEOUT = 60.0
EVENTS = ["alias.created", "alias.moved", "alias.deleted", "alias.proposed"]


def fill(stack: Stack, folder: Path) -> None:
    """The project acme/recommender with a dataset in three versions and a model in eight, two runs, some aliases, and
    an artifact that holds a file of every kind. Webhooks that arrive and that do not, and news for alice. A team where
    every name is as long as it may be, and there are many of everything. Hierarchies of records and collections with
    links in both, and runs that stream and save."""
    with as_alice(stack):
        _work(folder)
    _notify(stack)
    crowded = "from harness import crowded_data, run_data; crowded_data.fill(); run_data.fill()"
    stack.manage("shell", "--no-imports", "--command", crowded)
    more = "from harness import link_data, record_data; record_data.fill(); link_data.fill()"
    stack.manage("shell", "--no-imports", "--command", more)


@contextmanager
def as_alice(stack: Stack) -> Iterator[None]:
    """The SDK is hers for as long."""
    environment = {"WANLLMDB_BASE_URL": stack.base_url, "WANLLMDB_API_KEY": stack.key("alice")}
    environment |= {name: stack.env[name] for name in ("XDG_CONFIG_HOME", "XDG_CACHE_HOME")}
    before = dict(os.environ)
    os.environ.update(environment)
    yield
    os.environ.clear()
    os.environ.update(before)


def _work(folder: Path) -> None:
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
    with wanllmdb.init(
        project="recommender", entity="acme", name="train-ranker", job_type="train", config=config
    ) as run:
        run.use_artifact("interactions:latest").download(str(folder / "used"))
        for number in range(8):
            model = wanllmdb.Artifact("ranker", type="model", metadata={"rmse": round(1 / (number + 2), 4)})
            model.add_dir(str(_write(folder / f"model-{number}", _model(chance, number))))
            run.log_artifact(model, aliases={5: ["production"], 7: ["staging"]}.get(number, []))
            run.log({"rmse": 1 / (number + 2)})
        everything = wanllmdb.Artifact("kinds", type="file", description="A file of every kind.")
        everything.add_dir(str(_write(folder / "kinds", kinds())))
        run.log_artifact(everything)
        kept = wanllmdb.Artifact("kept", type="file", description="What people keep beside their models.")
        kept.add_dir(str(_write(folder / "kept", preview_files.kept())))
        run.log_artifact(kept)


def _notify(stack: Stack) -> None:
    """Alice watches the project, where bob moves an alias and proposes another move; two webhooks are told."""
    receiver = Receiver()
    receiver.answers = [status(500, b"starting up"), status(200, b"thanks")]
    ranker = call_api(stack, "alice", "GET", "/artifacts/resolve?name=acme/recommender/ranker:v7")
    project, artifact = ranker["artifact"]["project"], ranker["artifact"]["id"]
    to = {"version_id": ranker["version"]["id"], "reason": "better on the holdout"}
    for url, description in ((receiver.url, "Deployment"), (f"http://127.0.0.1:{free_port()}/", "")):
        hook = {"url": url, "description": description, "events": EVENTS}
        call_api(stack, "alice", "POST", f"/projects/{project}/webhooks", hook)
    store = {"name": "Datasets", "prefix": "s3://acme-datasets/public", "reads_as": "nobody"}
    call_api(stack, "alice", "POST", "/teams/acme/external-stores", store)
    call_api(stack, "alice", "POST", "/watches", {"project": project, "by_email": True})
    call_api(stack, "alice", "POST", "/alias-rules", {"artifact": artifact, "pattern": "production", "role": "admin"})
    call_api(stack, "bob", "POST", f"/artifacts/{artifact}/aliases", {"alias": "canary"} | to)
    call_api(stack, "bob", "POST", f"/artifacts/{artifact}/alias-proposals", {"alias": "approved"} | to)
    until(lambda: len(receiver.sent) > 1 and call_api(stack, "alice", "GET", "/inbox")["unread"] > 1)


def call_api(stack: Stack, name: str, method: str, path: str, body: dict[str, object] | None = None) -> Any:
    """A request of one user's script to the API."""
    request = urllib.request.Request(
        f"{stack.base_url}/api/v1{path}",
        method=method,
        data=None if method == "GET" else json.dumps(body or {}).encode(),
        headers={"Authorization": f"Bearer {stack.key(name)}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60) as response:
        return json.loads(response.read() or "null")


def until(holds: Callable[[], bool]) -> None:
    """Wait until workers have done it."""
    deadline = time.monotonic() + TIMEOUT
    while not holds():
        assert time.monotonic() < deadline, f"It did not happen within {TIMEOUT} s."
        time.sleep(0.1)


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
        "images/sample.png": preview_files.png(),
    }


def _model(chance: random.Random, number: int) -> dict[str, bytes]:
    return {
        "model.safetensors": _safetensors([chance.uniform(-1, 1) for _ in range(64)]),
        "train.py": f'"""Train the ranker."""\n\nEPOCHS = {number + 1}\n\n\nprint(EPOCHS)\n'.encode(),
        "notes.txt": f"attempt {number}\n".encode(),
    }


def kinds() -> dict[str, bytes]:
    """A file of each kind that has a preview, or must have none, and a folder with more of them than a page shows."""
    parquet, npy = io.BytesIO(), io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table({"city": ["Zürich", "Wien"], "rain": [3.5, 1.25]}), parquet)
    header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }"
    npy.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header) + 1) + header + b"\n" + bytes(48))
    return {
        "image.png": preview_files.png(),
        "code.py": b'def greet(name: str) -> str:\n    return f"hello {name}"\n',
        "notes.md": b"# Notes\n\nSome *emphasis*.\n",
        "table.csv": b"name,count\nbolts,12\nnuts,7\n",
        "table.parquet": parquet.getvalue(),
        "tree.json": b'{"layers": [{"units": 64}], "name": "mlp"}',
        "weights.safetensors": _safetensors([0.5] * 64),
        "array.npy": npy.getvalue(),
        "report.html": b"<h1>Report</h1><script>alert('html ran')</script>\n",
        "drawing.svg": b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert("svg ran")</script></svg>\n',
        "large.json": b"[" + b"1," * 2**20 + b"1]",
        "blob.bin": bytes(range(256)) * 4,
        "a folder/b & c/deep #1.txt": b"deep\n",
        **{f"many/part-{number:03}.txt": b"part %d\n" % number for number in range(130)},
    }


def _safetensors(weights: list[float]) -> bytes:
    """One matrix of eight rows."""
    shape, end = [8, len(weights) // 8], 4 * len(weights)
    header = json.dumps({"weight": {"dtype": "F32", "shape": shape, "data_offsets": [0, end]}}).encode()
    return struct.pack("<Q", len(header)) + header + struct.pack(f"<{len(weights)}f", *weights)


def _table(chance: random.Random, rows: int) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["user", "item", "rating"])
    writer.writerows([chance.randint(1, 500), chance.randint(1, 900), chance.randint(1, 5)] for _ in range(rows))
    return text.getvalue().encode()
