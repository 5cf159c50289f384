"""Many small contents of the cache in one file: a file for each would take longer than to download them.

A pack has the contents one after another, then a record of each (sha256, offset, size), then their number and a mark.
It appears when it is complete and never changes; its time of last change says when it was last used. What is read from
it is compared with its sha256 each time.
"""

from __future__ import annotations

import hashlib
import io
import os
import struct
import uuid
from collections.abc import Mapping
from pathlib import Path

from wanllmdb.sdk.local_cache.file_copies import open_regular
from wanllmdb.sdk.transfer.hashes import SMALL as SMALL

SUFFIX = ".pack"
Record = tuple[bytes, int, int]
"""Digest, offset and size of a content."""
_RECORD = struct.Struct(">32sQI")
_END = struct.Struct(">Q8s")
_MARK = b"wLLMpck1"
_MAX_RECORDS = 1 << 20
_BUFFER_SIZE = 1 << 20


def write(contents: Mapping[bytes, bytes], temporary: Path, directory: Path) -> None:
    """Write a pack of these contents by digest, and rename it into the directory. Raises OSError."""
    offset = 0
    records = []
    with open(temporary, "xb", buffering=_BUFFER_SIZE) as file:
        for digest, content in contents.items():
            records.append(_RECORD.pack(digest, offset, len(content)))
            offset += file.write(content)
        file.write(b"".join(records))
        file.write(_END.pack(len(records), _MARK))
    temporary.replace(directory / f"{uuid.uuid4().hex}{SUFFIX}")


class Pack:
    """A pack to read. Its file may be deleted meanwhile. Raises OSError where it cannot be read."""

    def __init__(self, path: Path) -> None:
        self._file = io.BufferedReader(open_regular(path), _BUFFER_SIZE)

    def records(self) -> list[Record]:
        """Of all contents, in order of their offsets; of none if the file is no pack, or was cut short meanwhile."""
        start = os.fstat(self._file.fileno()).st_size - _END.size
        end = self._read(start, _END.size) if start >= 0 else b""
        count, mark = _END.unpack(end) if len(end) == _END.size else (0, b"")
        start -= count * _RECORD.size
        if mark != _MARK or start < 0 or count > _MAX_RECORDS:
            return []
        table = self._read(start, count * _RECORD.size)
        records = list(_RECORD.iter_unpack(table)) if len(table) == count * _RECORD.size else []
        is_whole = all(offset + size <= start for _, offset, size in records)
        return records if is_whole else []

    def find(self, sizes: Mapping[bytes, int]) -> list[Record]:
        """The records of contents with these digests and sizes, one of each."""
        return list({record[0]: record for record in self.records() if sizes.get(record[0]) == record[2]}.values())

    def content(self, record: Record) -> bytes | None:
        """The bytes; None if others are there."""
        digest, offset, size = record
        content = self._read(offset, size)
        return content if hashlib.sha256(content).digest() == digest else None

    def _read(self, offset: int, size: int) -> bytes:
        self._file.seek(offset)
        return self._file.read(size)

    def __enter__(self) -> Pack:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
