"""The `Range` of a request: one range of bytes, as players and resumed downloads ask for it."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from django.http import HttpResponse, HttpResponseBase, StreamingHttpResponse

_RANGE = re.compile(r"bytes=([0-9]{1,19})-([0-9]{0,19})")


class ByteRange(NamedTuple):
    """What is to be sent of `size` bytes: `length` of them from `start` on."""

    start: int
    length: int
    size: int
    is_requested: bool = False
    """Whether the request named a range, which may be all bytes."""

    def respond(self, content: bytes | Iterator[bytes], content_type: str) -> HttpResponseBase:
        """The response with these bytes, which are those of the range."""
        kind = HttpResponse if isinstance(content, bytes) else StreamingHttpResponse
        response = kind(content, content_type=content_type, status=206 if self.is_requested else 200)
        response["Content-Length"], response["Accept-Ranges"] = self.length, "bytes"
        if self.is_requested:
            response["Content-Range"] = f"bytes {self.start}-{self.start + self.length - 1}/{self.size}"
        return response


def parse(header: str | None, size: int) -> ByteRange:
    """All of it without the header, for one of another form, and for one that has no bytes."""
    found = _RANGE.fullmatch(header or "")
    start = int(found[1]) if found else 0
    end = min(int(found[2]) + 1, size) if found and found[2] else size
    return ByteRange(start, end - start, size, True) if found and start < end else ByteRange(0, size, size)
