"""Files on their way from the source to the server: few of them are on the disk at once."""

from __future__ import annotations

import base64
import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol, TypeVar
from uuid import uuid4

from wanllmdb.sdk import paths
from wanllmdb.sdk.byte_sizes import describe
from wanllmdb.sdk.wandb_import.source import SourceError

# Of what is downloaded before it is sent. A single file may be larger.
MAX_FILES_A_BATCH = 100
MAX_BYTES_A_BATCH = 256 << 20
MAX_WORKERS = 4
# What is left on the disk for others.
_RESERVED_BYTES = 256 << 20
_BLOCK_SIZE = 1 << 20


class Sized(Protocol):
    @property
    def size(self) -> int: ...


File = TypeVar("File", bound=Sized)


def batches(files: Iterator[File]) -> Iterator[list[File]]:
    """Files that may be on the disk at once."""
    batch: list[File] = []
    size = 0
    for file in files:
        if batch and (len(batch) == MAX_FILES_A_BATCH or size + file.size > MAX_BYTES_A_BATCH):
            yield batch
            batch, size = [], 0
        batch.append(file)
        size += file.size
    if batch:
        yield batch


def new_path(directory: Path, size: int) -> Path:
    """A path for a file of this size, which has no part of its name at the source. Raises `SourceError`."""
    free = shutil.disk_usage(directory).free - _RESERVED_BYTES
    if size > free:
        raise SourceError(f"a file has {describe(size)}, and {directory} has room for {describe(max(free, 0))}")
    return directory / uuid4().hex


def require_path(name: object) -> str:
    """The path of a file, if ours can be called so. Raises `InvalidPath`."""
    return paths.validate(name if isinstance(name, str) else "")


def require_size(value: object, name: str) -> int:
    """Raises `SourceError`."""
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise SourceError(f"The source does not say how large {name} is")
    return value


def blocks(path: Path, start: int, size: int) -> Iterator[bytes]:
    """So many bytes of a file."""
    with path.open("rb") as file:
        file.seek(start)
        while size > 0 and (block := file.read(min(size, _BLOCK_SIZE))):
            size -= len(block)
            yield block


def md5_of(path: Path, start: int, size: int) -> str:
    """In hex, of so many bytes of a file."""
    md5 = hashlib.md5(usedforsecurity=False)
    for block in blocks(path, start, size):
        md5.update(block)
    return md5.hexdigest()


def in_base64(md5: str) -> str:
    return base64.b64encode(bytes.fromhex(md5)).decode()


def in_hex(md5: str) -> str:
    """Raises `ValueError` for what is no md5 in base64."""
    found = base64.b64decode(md5, validate=True)
    if len(found) != 16:
        raise ValueError(f"{md5!r} is no md5 in base64")
    return found.hex()
