"""JSON in the cache directory: whole files or none, whole lines, and failures as sentences."""

from __future__ import annotations

import errno
import json
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from wanllmdb.sdk import errors

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextmanager
def refuse(path: Path) -> Iterator[None]:
    """Raises `CacheError`, with what to do, for an OSError of the block, which writes below this path."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        if error.errno in _FULL:
            message = f"The disk of {path} is full ({reason}): free some space"
        else:
            message = f"{path} cannot be written ({reason}): make it writable"
        raise errors.CacheError(f"{message}, or set WANLLMDB_CACHE_DIR to another directory") from error


def make_directory(path: Path) -> None:
    """Create it with its parents, for its owner only. Raises `CacheError`."""
    with refuse(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.mkdir(mode=0o700, exist_ok=True)


def write(path: Path, value: Any) -> None:
    """Replace the file as a whole, readable by its owner only. Raises `CacheError`."""
    temporary = path.with_name(f".{path.name}-{uuid.uuid4().hex}")
    with refuse(path.parent):
        try:
            with open(temporary, "x", encoding="ascii", opener=private) as file:
                json.dump(value, file, indent=1)
            temporary.replace(path)
        except BaseException:
            with suppress(OSError):
                temporary.unlink()
            raise


def read(path: Path) -> dict[str, Any]:
    """The JSON object in the file. Raises `CacheError` if it cannot be read or is something else."""
    try:
        value = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise errors.CacheError(f"{path} cannot be read: {error}") from error
    if not isinstance(value, dict):
        raise errors.CacheError(f"{path} does not contain a JSON object")
    return value


def to_line(value: dict[str, Any]) -> bytes:
    """The value as one line. It is ASCII, so that half a surrogate pair can be written too."""
    return json.dumps(value, separators=(",", ":")).encode("ascii") + b"\n"


def append(path: Path, line: bytes) -> None:
    """Add a line to the end. Processes that share the file do not mix their lines. Raises `CacheError`."""
    with refuse(path.parent):
        handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            size = os.fstat(handle).st_size
            # What a full disk left of a line must not be the beginning of this one.
            is_torn = size > 0 and _read_byte(handle, size - 1) != b"\n"
            content = b"\n" + line if is_torn else line
            if os.write(handle, content) < len(content):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        finally:
            os.close(handle)


def read_lines(path: Path) -> tuple[list[dict[str, Any]], int]:
    """The JSON objects of the file, and how many lines are none, as a full disk or a loss of power leaves them."""
    values: list[dict[str, Any]] = []
    broken = 0
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return [], 0
    except OSError as error:
        raise errors.CacheError(f"{path} cannot be read: {error.strerror or error}") from error
    for line in filter(None, content.split(b"\n")):
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            value = None
        if isinstance(value, dict):
            values.append(value)
        else:
            broken += 1
    return values, broken


def _read_byte(handle: int, offset: int) -> bytes:
    os.lseek(handle, offset, os.SEEK_SET)  # appending ignores it
    return os.read(handle, 1)


def private(path: str, flags: int) -> int:
    """An `opener` of files that only their owner can read."""
    return os.open(path, flags, 0o600)
