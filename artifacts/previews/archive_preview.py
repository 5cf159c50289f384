"""Archives: names and sizes of their members, as their headers give them. Nothing is unpacked to disk or kept.

A zip is read from its directory, and a tar from header to header, up to a number of members, bytes and seconds: what is
behind them is left out.
"""

import bz2
import gzip
import io
import lzma
import struct
import tarfile
import time
import zlib
from collections.abc import Callable
from typing import Any

from artifacts.previews.reader import Reader, SeekableFile
from artifacts.previews.results import Archive, FormatMismatch, Member, PreviewTooLarge, cell

MAX_MEMBERS = 1_000
# Of a compressed tar, once unpacked.
MAX_UNPACKED = 64 * 2**20
_SECONDS = 1.0
_END = struct.Struct("<4s4H2LH")
_END64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR64 = struct.Struct("<4sLQL")
_ENTRY = struct.Struct("<4s6H3L5H2L")
_MAX_COMMENT = 2**16
_OPENERS: dict[bytes, Callable[[Any], Any]] = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ": lzma.open}


def zipped(reader: Reader) -> Archive:
    """Raises `FormatMismatch` for what is no zip."""
    members, count = zip_members(reader)
    return Archive(members, _note(len(members), count))


def zip_members(reader: Reader) -> tuple[list[Member], int]:
    """The first members by the directory of a zip, and how many it says that there are."""
    start, count = _directory(reader)
    file = SeekableFile(reader)
    file.seek(start)
    members = []
    while len(members) < min(count, MAX_MEMBERS):
        header = file.read(_ENTRY.size)
        if len(header) < _ENTRY.size or not header.startswith(b"PK\x01\x02"):
            raise FormatMismatch("This zip cannot be read: its directory is truncated.")
        fields = _ENTRY.unpack(header)
        name_length, extra_length, comment_length = fields[10:13]
        name, extra = file.read(name_length), file.read(extra_length)
        file.seek(comment_length, io.SEEK_CUR)
        members.append(_zip_member(name, fields[3], *_sizes(fields[8], fields[9], extra)))
    return members, count


def _directory(reader: Reader) -> tuple[int, int]:
    """Where the directory of a zip begins, and how many entries it says it has."""
    start = max(0, reader.size - _END.size - _MAX_COMMENT)
    tail = reader.read(start, _END.size + _MAX_COMMENT)
    position = tail.rfind(b"PK\x05\x06")
    if position < 0 or position + _END.size > len(tail):
        raise FormatMismatch("This is not a zip, despite its name.")
    *_, count, size, offset, _ = _END.unpack_from(tail, position)
    if count == 0xFFFF or 0xFFFFFFFF in (size, offset):
        locator = reader.read(start + position - _LOCATOR64.size, _LOCATOR64.size)
        if locator.startswith(b"PK\x06\x07") and len(locator) == _LOCATOR64.size:
            end = reader.read(_LOCATOR64.unpack(locator)[2], _END64.size)
            if end.startswith(b"PK\x06\x06") and len(end) == _END64.size:
                *_, count, size, offset = _END64.unpack(end)
    return offset, count


def _sizes(packed: int, size: int, extra: bytes) -> tuple[int, int]:
    """Size and packed size, from the extra field where 32 bits do not hold them."""
    while len(extra) >= 4 and 0xFFFFFFFF in (size, packed):
        kind, length = struct.unpack_from("<HH", extra)
        values = list(struct.unpack_from(f"<{min(length, len(extra) - 4) // 8}Q", extra, 4))
        if kind == 1:
            size = values.pop(0) if size == 0xFFFFFFFF and values else size
            packed = values.pop(0) if packed == 0xFFFFFFFF and values else packed
            break
        extra = extra[4 + length :]
    return size, packed


def _zip_member(name: bytes, flags: int, size: int, packed: int) -> Member:
    text = name.decode("utf-8" if flags & 0x800 else "cp437", "replace")
    return Member(cell(text), None, None) if text.endswith("/") else Member(cell(text), size, packed)


def tarred(reader: Reader) -> Archive:
    """Of a tar, plain or compressed. Raises `FormatMismatch` for what is none."""
    file = SeekableFile(reader)
    head = file.read(6)
    file.seek(0)
    unpack = next((opener for magic, opener in _OPENERS.items() if head.startswith(magic)), None)
    members, is_whole = _tar_members(_Bounded(unpack(file)) if unpack else file)
    if not members and not is_whole:
        raise FormatMismatch("This is not a tar, despite its name.")
    return Archive(members, _note(len(members), len(members) if is_whole else None))


def _tar_members(file: Any) -> tuple[list[Member], bool]:
    """The first members, and whether there are no more."""
    members: list[Member] = []
    began = time.process_time()
    try:
        with tarfile.open(fileobj=file, mode="r:", errorlevel=0) as archive:
            for entry in archive:
                if len(members) == MAX_MEMBERS or time.process_time() - began > _SECONDS:
                    return members, False
                members.append(Member(cell(entry.name), entry.size if entry.isreg() else None))
    except (tarfile.TarError, EOFError, OSError, zlib.error, lzma.LZMAError, ValueError, PreviewTooLarge, MemoryError):
        return members, False
    return members, True


class _Bounded(io.RawIOBase):
    """An unpacked stream up to a number of bytes, which tarfile seeks forward in."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self._began = time.process_time()

    def read(self, length: int = -1) -> bytes:
        self._check(self._file.tell() + max(length, 0))
        return self._file.read(length)

    def tell(self) -> int:
        return self._file.tell()

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """By reading, in steps, so that what unpacks for long is left in time."""
        while (distance := offset - self._file.tell()) > 0:
            self._check(self._file.tell() + min(distance, 2**20))
            if not self._file.read(min(distance, 2**20)):
                break
        return self._file.seek(offset) if distance < 0 else self._file.tell()

    def _check(self, position: int) -> None:
        if position > MAX_UNPACKED or time.process_time() - self._began > _SECONDS:
            raise PreviewTooLarge


def _note(listed: int, count: int | None) -> str:
    if count is None:
        return f"The first {listed:,} members: the rest of the archive was not read."
    if count > listed:
        return f"The first {listed:,} of {count:,} members."
    return f"{count:,} member{'' if count == 1 else 's'}."
