"""What is sent when a large file is logged again after a change: of files cut by content, equally, or not at all.

Each kind of change is logged to a project of its own, first the file and then the changed one; what the object store
has more by then was sent. The second version is downloaded and compared. The worker stands still meanwhile.
"""

import argparse
import io
import json
import os
import random
import tarfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from safetensors.numpy import save_file

import wanllmdb as wandb
from benchmarks.transfer import temporary_directory
from harness import servers
from harness.servers import Stack
from wanllmdb.sdk.transfer import chunks

MIB = 2**20
ROWS = 1_000_000
_numbers = count(1)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.chunks", description=__doc__)
    parser.add_argument("--full", action="store_true", help="1 GiB instead of 128 MiB for the first two")
    parser.add_argument("--only", choices=CHANGES, help="one kind of change")
    options = parser.parse_args()
    stack = Stack("chunks")
    stack.store.start()
    stack.web.start()
    os.environ |= {"WANLLMDB_BASE_URL": stack.base_url, "WANLLMDB_API_KEY": stack.key("alice"), "WANLLMDB_SILENT": "1"}
    print(f"{'':36} {'MiB':>8}  {'MiB sent again, and seconds of the first and the second log':^63}")
    print(f"{'':36} {'':8}  {'by content':^21}{'equally':^21}{'whole':^21}")
    for name in [options.only] if options.only else CHANGES:
        measure(stack, name, 1024 if options.full else 128)


def measure(stack: Stack, name: str, size: int) -> None:
    cells, length = [], 0
    for way in (by_content, equally, whole):
        with way(), temporary_directory() as directory:
            first, second = CHANGES[name](directory, size)
            length = second.stat().st_size
            project = f"acme/chunks-{next(_numbers)}"
            before = log(project, first)
            stored = stored_bytes(stack)
            after = log(project, second)
            sent = stored_bytes(stack) - stored
            cells.append(f"{sent / MIB:8.1f} {before:5.2f} {after:5.2f} ")
            check(project, second, directory / "down")
    print(f"{name:36} {length / MIB:8.0f}  {''.join(cells)}", flush=True)


def log(project: str, path: Path) -> float:
    """Seconds that it took."""
    started_at = time.perf_counter()
    with wandb.init(project=project) as run:
        artifact = wandb.Artifact("file", type="dataset")
        artifact.add_file(str(path), name="file")
        run.log_artifact(artifact).wait()
    return time.perf_counter() - started_at


def check(project: str, path: Path, target: Path) -> None:
    copy = Path(wandb.Api().artifact(f"{project}/file:latest").download(str(target)), "file")
    if copy.read_bytes() != path.read_bytes():
        raise RuntimeError(f"{copy} is not what {path} was.")


def stored_bytes(stack: Stack) -> int:
    pages = servers.s3(stack.env).get_paginator("list_objects_v2").paginate(Bucket=stack.env["S3_BUCKET"])
    return sum(obj["Size"] for page in pages for obj in page.get("Contents", ()))


# --- Ways ---


@contextmanager
def by_content() -> Iterator[None]:
    """As with the extra `chunks`."""
    yield


@contextmanager
def equally() -> Iterator[None]:
    """As without it."""
    find_spec, chunks.find_spec = chunks.find_spec, lambda name: None
    yield
    chunks.find_spec = find_spec


@contextmanager
def whole() -> Iterator[None]:
    size, chunks.CUT_FROM = chunks.CUT_FROM, 2**60
    yield
    chunks.CUT_FROM = size


# --- Changes: the file before and after, with a size in MiB for those that may have any ---


def replaced(directory: Path, size: int) -> tuple[Path, Path]:
    blocks = list(noise(1, size))
    first = write(directory / "first", blocks)
    blocks[size // 2] = next(noise(2, 1))
    return first, write(directory / "second", blocks)


def inserted(directory: Path, size: int) -> tuple[Path, Path]:
    first = write(directory / "first", noise(1, size))
    return first, write(directory / "second", [*noise(2, 1), *noise(1, size)])


def csv_appended(directory: Path, _: int) -> tuple[Path, Path]:
    lines = [f"{number},{a:.9f},{b:.9f},label-{number % 97}\n" for number, a, b in rows()]
    return texts(directory, lines)


def jsonl_appended(directory: Path, _: int) -> tuple[Path, Path]:
    lines = [json.dumps({"id": number, "x": a, "y": b, "label": number % 97}) + "\n" for number, a, b in rows()]
    return texts(directory, lines)


def parquet_appended(directory: Path, _: int) -> tuple[Path, Path]:
    generator = np.random.default_rng(1)
    groups = [pa.table({name: generator.random(100_000) for name in "abcdefgh"}) for _ in range(21)]
    for name, number in (("first", 20), ("second", 21)):
        with pq.ParquetWriter(directory / name, groups[0].schema) as writer:
            for group in groups[:number]:
                writer.write_table(group)
    return directory / "first", directory / "second"


def tensors_changed(directory: Path, _: int) -> tuple[Path, Path]:
    generator = np.random.default_rng(1)
    tensors = {f"layer-{n:02}": generator.random((512, 2048), dtype=np.float32) for n in range(32)}
    save_file(tensors, directory / "first")
    # Training goes on with every fourth of them, the others are frozen.
    changed = {name: generator.random((512, 2048), dtype=np.float32) for name in list(tensors)[::4]}
    save_file(tensors | changed, directory / "second")
    return directory / "first", directory / "second"


def tars_shuffled(directory: Path, _: int) -> tuple[Path, Path]:
    generator = random.Random(1)
    members = [(f"{n:04}", generator.randbytes(int(2 ** generator.uniform(16, 24)))) for n in range(40)]
    for name in ("first", "second"):
        with tarfile.open(directory / name, "w") as archive:
            for path, content in members:
                about = tarfile.TarInfo(path)
                about.size = len(content)
                archive.addfile(about, io.BytesIO(content))
        generator.shuffle(members)
    return directory / "first", directory / "second"


CHANGES: dict[str, Callable[[Path, int], tuple[Path, Path]]] = {
    "1 MiB replaced in the middle": replaced,
    "1 MiB inserted at the start": inserted,
    "CSV, a hundredth of rows appended": csv_appended,
    "JSONL, a hundredth of rows appended": jsonl_appended,
    "Parquet, a row group appended": parquet_appended,
    "a quarter of the tensors changed": tensors_changed,
    "tar in another order": tars_shuffled,
}


def noise(seed: int, size: int) -> Iterator[bytes]:
    """Blocks of 1 MiB."""
    generator = random.Random(seed)
    return (generator.randbytes(MIB) for _ in range(size))


def rows() -> Iterator[tuple[int, float, float]]:
    generator = random.Random(1)
    return ((number, generator.random(), generator.random()) for number in range(ROWS + ROWS // 100))


def texts(directory: Path, lines: list[str]) -> tuple[Path, Path]:
    first = write(directory / "first", (line.encode() for line in lines[:ROWS]))
    return first, write(directory / "second", (line.encode() for line in lines))


def write(path: Path, blocks: Iterable[bytes]) -> Path:
    with path.open("wb") as file:
        file.writelines(blocks)
    return path


if __name__ == "__main__":
    main()
