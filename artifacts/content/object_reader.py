"""Sequential reads: several files that share a pack are read by one request, and one file from many objects."""

from collections.abc import Iterator

from artifacts import errors, storage, store_connection


class ContentReader:
    """The bytes of these chunks, taken file by file; `position` counts them from where they begin."""

    def __init__(self, chunks: Iterator[bytes], position: int = 0) -> None:
        self.position = position
        self._chunks = chunks
        self._rest = memoryview(b"")

    def begin(self) -> bool:
        """Read the first bytes now, so that refusals come before they are taken. False where there are none to read."""
        self._rest = memoryview(next(self._chunks, b""))
        return bool(self._rest)

    def take(self, size: int) -> Iterator[memoryview]:
        """The next `size` bytes, in chunks of at most 1 MiB. Raises `Missing` where the object ends before."""
        while size:
            chunk = self._rest or memoryview(next(self._chunks, b""))
            if not chunk:
                raise errors.Missing(store_connection.TOO_SHORT)
            head, self._rest = chunk[:size], chunk[size:]
            self.position += len(head)
            size -= len(head)
            yield head


class ObjectReader(ContentReader):
    """The bytes of an object from `position` up to `end`."""

    def __init__(self, key: str, position: int, end: int) -> None:
        super().__init__(storage.download_file(key, position, end - position), position)
