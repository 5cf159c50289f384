"""Reads ranges of a file, up to the number of bytes that a preview may cost. Imports nothing of Django."""

import io
from collections.abc import Callable

from artifacts.previews.results import PreviewTooLarge

MAX_BYTES = 32 * 2**20
MAX_READS = 400
READ_AHEAD = 128 * 2**10


class Reader:
    """Each read is one range request: `fetch(offset, length)`.

    Raises `PreviewTooLarge` rather than read more than `MAX_BYTES` in all, or `MAX_READS` ranges.
    """

    def __init__(self, size: int, fetch: Callable[[int, int], bytes]) -> None:
        self.size = size
        self._fetch = fetch
        self._bytes_left = MAX_BYTES
        self._reads_left = MAX_READS

    def read(self, offset: int, length: int) -> bytes:
        """The bytes from `offset` on, fewer than `length` where the file ends before."""
        length = max(0, min(length, self.size - offset))
        if offset < 0 or not length:
            return b""
        self._bytes_left -= length
        self._reads_left -= 1
        if self._bytes_left < 0 or self._reads_left < 0:
            raise PreviewTooLarge
        return self._fetch(offset, length)

    def head(self, length: int) -> bytes:
        return self.read(0, length)


class SeekableFile(io.RawIOBase):
    """What a reader reads, as a file. It reads ahead: parsers ask for a few bytes at a time."""

    def __init__(self, reader: Reader, read_ahead: int = READ_AHEAD) -> None:
        self._reader = reader
        self._read_ahead = read_ahead
        self._position = 0
        self._buffer = b""
        self._buffer_start = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._reader.size}[whence]
        if base + offset < 0:
            raise ValueError("before the beginning")
        self._position = base + offset
        return self._position

    def read(self, length: int = -1) -> bytes:
        remaining = max(self._reader.size - self._position, 0)
        length = remaining if length < 0 else min(length, remaining)
        start = self._position - self._buffer_start
        if not 0 <= start <= start + length <= len(self._buffer):
            self._buffer = self._reader.read(self._position, max(length, self._read_ahead))
            self._buffer_start, start = self._position, 0
        data = self._buffer[start : start + length]
        self._position += len(data)
        return data
