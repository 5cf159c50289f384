"""Where large files are cut into pieces, so that what they have in common with others is sent and stored once.

With the extra `wanllmdb[chunks]` the bytes themselves say where: what is inserted or appended moves no other cut.
Without it pieces have one size, and those are found again that are where they were.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterator
from importlib.util import find_spec
from typing import NamedTuple

MIB = 1 << 20
CUT_FROM = 8 * MIB
"""Smaller files are sent whole."""
AVERAGE = MIB // 2
MAX_EXPECTED = 4_096
"""Pieces of a file, about. Larger files have larger ones."""
MAX_PIECES = 8_192
"""What the server takes."""
# Of the library. Larger pieces are joined of smaller ones.
_MAX_AVERAGE = 2 * MIB
_MAX_BLOCK = MIB


class Piece(NamedTuple):
    """What a file consists of, in order: sha256 in lower-case hex, and bytes."""

    sha256: str
    size: int


def average_for(size: int) -> int:
    """Bytes of a piece of a file of that size: half a MiB, doubled until there are few enough."""
    average = AVERAGE
    while size > average * MAX_EXPECTED:
        average *= 2
    return average


def cut(file: io.FileIO, size: int) -> Iterator[tuple[memoryview, bool]]:
    """The bytes of a file of that size, each with whether a piece ends behind them; valid until the next ones.

    At most one byte more than `size` is read: a file may have no end while another process keeps writing.
    """
    limited, average = _Limited(file, size + 1), average_for(size)
    return _cut_by_content(limited, average) if find_spec("pyfastcdc") else _cut_equally(limited, average)


def _cut_equally(file: _Limited, piece_size: int) -> Iterator[tuple[memoryview, bool]]:
    block = memoryview(bytearray(min(piece_size, _MAX_BLOCK)))
    position = 0
    while count := file.readinto(block[: min(len(block), piece_size - position)]):
        position = (position + count) % piece_size
        yield block[:count], position == 0


def _cut_by_content(file: _Limited, average: int) -> Iterator[tuple[memoryview, bool]]:
    from pyfastcdc import FastCDC

    step = min(average, _MAX_AVERAGE)
    factor = average // step
    length = 0
    for chunk in FastCDC(step, min_size=step // 2, max_size=4 * step).cut_stream(file):
        length += chunk.length
        # As the library does with bytes: not before half of the average, and not after four times of it.
        may_end = length >= average // 2 and zlib.crc32(chunk.data[-64:]) % factor == 0
        is_end = may_end or length >= 4 * average
        yield chunk.data, is_end
        if is_end:
            length = 0


class _Limited:
    """The first bytes of a file."""

    def __init__(self, file: io.FileIO, size: int) -> None:
        self._file = file
        self._left = size

    def readinto(self, buffer: memoryview) -> int:
        count = self._file.readinto(memoryview(buffer)[: self._left]) or 0
        self._left -= count
        return count
