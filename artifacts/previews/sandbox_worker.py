"""The limits and the protocol of sandboxed processes. Imports nothing of Django.

A process reads one job as a line of JSON from stdin. Each line that it writes is `{"read": [offset, length]}`, which is
answered with the bytes of that range, or the last one: `{"done": …}` or `{"mismatch": "why"}`.
"""

import io
import json
import resource
import sys
from typing import Any

MEMORY = 512 * 2**20
SECONDS = 2
_READ_AHEAD = 128 * 2**10


def read_job() -> dict[str, Any]:
    """Apply the limits, then read the job."""
    for resource_type, limit in (
        (resource.RLIMIT_AS, MEMORY),
        (resource.RLIMIT_CPU, SECONDS),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(resource_type, (limit, limit))
    return json.loads(sys.stdin.buffer.readline())


def write_message(**message: Any) -> None:
    sys.stdout.buffer.write(json.dumps(message).encode() + b"\n")
    sys.stdout.buffer.flush()


class RemoteFile(io.RawIOBase):
    """A file whose bytes the parent process reads from the object store."""

    def __init__(self, size: int) -> None:
        self._size = size
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
        self._position = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        return self._position

    def read(self, length: int = -1) -> bytes:
        remaining = max(self._size - self._position, 0)
        length = remaining if length < 0 else min(length, remaining)
        start = self._position - self._buffer_start
        if not 0 <= start <= start + length <= len(self._buffer):
            self._buffer = self._request(self._position, max(length, _READ_AHEAD))
            self._buffer_start, start = self._position, 0
        data = self._buffer[start : start + length]
        self._position += len(data)
        return data

    def _request(self, offset: int, length: int) -> bytes:
        write_message(read=[offset, length])
        size = int.from_bytes(sys.stdin.buffer.read(8), "little")
        return sys.stdin.buffer.read(size)
