"""Reads the bodies that are refused, so that the client, who is still sending, reads why."""

from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from threading import Lock
from typing import Any

# Beyond this many bodies of the largest size the connection breaks instead.
_READ_AT_MOST = 4
# How many are read at once, in each process.
_AT_ONCE = 8
_CHUNK = 2**16


class RefusedRequestBodies:
    """WSGI middleware. What it reads it drops; the application refuses the request by its Content-Length, which is what
    was counted where the client named none.

    Where too many are being read, the one that was begun first is answered at once, and may not read why: a client who
    sends slowly keeps nobody else from the answer.
    """

    def __init__(self, application: Callable[..., Iterable[bytes]], max_bytes: Callable[[str], int]) -> None:
        """`max_bytes` says how long a body may be for the path of its request."""
        self.application, self.max_bytes = application, max_bytes
        self._reading: deque[object] = deque()
        self._lock = Lock()

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        length = environ.get("CONTENT_LENGTH") or "0"
        is_chunked = "chunked" in environ.get("HTTP_TRANSFER_ENCODING", "").lower()
        limit = self.max_bytes(environ.get("PATH_INFO", ""))
        if is_chunked or (length.isdecimal() and int(length) > limit):
            count = self._drop(environ["wsgi.input"], _READ_AT_MOST * limit)
            if is_chunked and count > limit:
                environ["CONTENT_LENGTH"] = str(count)
                del environ["HTTP_TRANSFER_ENCODING"]
        return self.application(environ, start_response)

    def _drop(self, stream: Any, at_most: int) -> int:
        """Read to the end, if nothing ends that before. How many bytes there were."""
        own = object()
        with self._lock:
            if len(self._reading) == _AT_ONCE:
                self._reading.popleft()
            self._reading.append(own)
        count = 0
        with suppress(OSError):
            while own in self._reading and count < at_most and (chunk := stream.read(_CHUNK)):
                count += len(chunk)
        with self._lock, suppress(ValueError):
            self._reading.remove(own)
        return count
