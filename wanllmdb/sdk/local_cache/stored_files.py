"""The bytes of an offline run's artifacts, each file once, named by its sha256.

They are copies: a hard link would change with a file that the program writes again.
"""

from __future__ import annotations

import hashlib
import os
import stat
import uuid
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from wanllmdb.sdk import errors
from wanllmdb.sdk.local_cache import json_files
from wanllmdb.sdk.manifest import Entry
from wanllmdb.sdk.progress import OnProgress
from wanllmdb.sdk.transfer import hashes
from wanllmdb.sdk.transfer.hashes import HashedFile


class StoredFiles:
    """A directory of files named by their sha256."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def local_path(self, file: Entry | HashedFile) -> str:
        """Where its bytes are; an executable file is kept beside one with the same bytes that is not."""
        return str(self.path / f"{file.sha256}{'-x' if file.executable else ''}")

    def checked_path(self, entry: Entry) -> str:
        """Where the file of the entry is. Raises `CacheError` if it is not there, or is a link."""
        path = self.local_path(entry)
        try:
            result = os.lstat(path)
        except OSError as error:
            raise errors.CacheError(f"{entry.path!r} cannot be read at {path}: {error.strerror or error}") from error
        if not stat.S_ISREG(result.st_mode) or result.st_size != entry.size:
            raise errors.CacheError(f"{path} is not the file that was logged as {entry.path!r}")
        return path

    def add(self, files: Iterable[HashedFile], on_progress: OnProgress) -> None:
        """Keep a copy of each. Raises `FileChanged` if its bytes differ from the hashed ones, `CacheError`."""
        json_files.make_directory(self.path)
        for file in files:
            target = Path(self.local_path(file))
            if target.exists():
                on_progress(file.size, 1, is_reused=True)
                continue
            temporary = self.path / f".{uuid.uuid4().hex}"
            with json_files.refuse(self.path):
                try:
                    if not copy(file.source, temporary, file.size, file.sha256, on_progress):
                        raise errors.FileChanged(f"{file.source} changed while it was being logged")
                    temporary.chmod(0o700 if file.executable else 0o600)
                    temporary.replace(target)
                    on_progress(0, 1)
                finally:
                    with suppress(OSError):
                        temporary.unlink()


def copy(source: str, target: Path, size: int, sha256: str | None, on_progress: OnProgress) -> bool:
    """Copy a file to a new path, and return whether it has this size and these bytes.

    Raises `FileChanged` if it is gone, `Invalid` if it cannot be read, and OSError if the copy cannot be written.
    """
    digest = hashlib.sha256()
    copied = 0
    with hashes.open_source(source) as reader, target.open("xb") as writer:
        # Not to the end of the file: it may have none while another process keeps writing.
        while copied <= size and (block := _read(reader.read, source)):
            digest.update(block)
            writer.write(block)
            copied += len(block)
            on_progress(len(block))
    return copied == size and sha256 in (None, digest.hexdigest())


def _read(read: Callable[[int], bytes | None], source: str) -> bytes:
    try:
        return read(hashes.BLOCK_SIZE) or b""
    except OSError as error:
        raise errors.Invalid(f"{source} cannot be read: {error.strerror or error}") from error
