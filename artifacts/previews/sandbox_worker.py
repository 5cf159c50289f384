"""What sandboxed processes have in common: their limits and their protocol. Imports nothing of Django.

A process reads one job as a line of JSON from stdin. Each line that it writes is `{"want": [offset, length]}`, upon
which it is given the bytes of that range, or the last one: `{"done": …}` or `{"unfit": "why"}`.
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
    """The job, from which on the process is bound."""
    for limit, most in (
        (resource.RLIMIT_AS, MEMORY),
        (resource.RLIMIT_CPU, SECONDS),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(limit, (most, most))
    return json.loads(sys.stdin.buffer.readline())


def write_message(**words: Any) -> None:
    sys.stdout.buffer.write(json.dumps(words).encode() + b"\n")
    sys.stdout.buffer.flush()


class RemoteFile(io.RawIOBase):
    """A file whose bytes the other side has."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._place = 0
        self._kept = b""
        self._kept_from = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._place = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._size}[whence]
        return self._place

    def read(self, length: int = -1) -> bytes:
        left = max(self._size - self._place, 0)
        length = left if length < 0 else min(length, left)
        start = self._place - self._kept_from
        if not 0 <= start <= start + length <= len(self._kept):
            self._kept, self._kept_from, start = self._ask(self._place, max(length, _READ_AHEAD)), self._place, 0
        data = self._kept[start : start + length]
        self._place += len(data)
        return data

    def _ask(self, offset: int, length: int) -> bytes:
        write_message(want=[offset, length])
        given = int.from_bytes(sys.stdin.buffer.read(8), "little")
        return sys.stdin.buffer.read(given)
