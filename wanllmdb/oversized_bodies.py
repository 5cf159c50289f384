"""Reads the bodies that are too large, so that the client, who is still sending, reads why they are refused."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

# Beyond this many bodies of the largest size the connection breaks instead.
_READ_AT_MOST = 4


class OversizedBodies:
    """WSGI middleware. What it reads it drops; the application refuses the request by its Content-Length."""

    def __init__(self, application: Callable[..., Iterable[bytes]], max_bytes: int) -> None:
        self.application, self.max_bytes = application, max_bytes

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        length = environ.get("CONTENT_LENGTH") or "0"
        if length.isdecimal() and int(length) > self.max_bytes:
            left = min(int(length), _READ_AT_MOST * self.max_bytes)
            with suppress(OSError):
                while left > 0 and (chunk := environ["wsgi.input"].read(min(left, 2**16))):
                    left -= len(chunk)
        return self.application(environ, start_response)
