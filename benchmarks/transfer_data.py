"""The data of `benchmarks.transfer`, and how it changes."""

import random
from pathlib import Path

KIB, MIB = 2**10, 2**20
# (files, bytes of each)
KINDS = {"one": (1, 2**30), "mid": (2_000, 100 * KIB), "small": (20_000, KIB), "many": (100_000, KIB)}
# Acts that say nothing about the kind.
NOT_WITH = {"one": ("changed",), "mid": ("middle",), "small": ("middle",), "many": ("middle",)}


def fill(directory: Path, kind: str, scale: int) -> None:
    """Bytes that cannot be compressed, and are not sparse; of the single file, and of the number of files, a part."""
    directory.mkdir()
    count, size = KINDS[kind]
    count, size = (1, size // scale) if count == 1 else (max(2, count // scale), size)
    source = random.Random(size)
    for number in range(count):
        with (directory / f"{number:06}.bin").open("wb") as file:
            for start in range(0, size, MIB):
                file.write(source.randbytes(min(MIB, size - start)))


def change_one(directory: Path) -> None:
    """Other bytes, as many as before, in a file of the middle."""
    paths = sorted(directory.iterdir())
    path = paths[len(paths) // 2]
    path.write_bytes(random.randbytes(path.stat().st_size))


def change_middle(directory: Path) -> None:
    (path,) = directory.iterdir()
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2)
        file.write(random.randbytes(MIB))


def require_same(source: Path, target: Path) -> None:
    """Raises `RuntimeError` unless every file came back, and some of them with the same bytes."""
    sizes = [{path.name: path.stat().st_size for path in directory.iterdir()} for directory in (source, target)]
    some = sorted(sizes[0])[:: max(1, len(sizes[0]) // 10)]
    if sizes[0] != sizes[1] or any((source / name).read_bytes() != (target / name).read_bytes() for name in some):
        raise RuntimeError(f"{target} is not what {source} was.")
