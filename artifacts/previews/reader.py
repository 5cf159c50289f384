"""Reads ranges of a file, up to the number of bytes that a preview may cost."""

from collections.abc import Callable

from artifacts.previews.results import PreviewTooLarge

MAX_BYTES = 32 * 2**20
MAX_READS = 400


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
