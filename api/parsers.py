"""Request bodies: JSON of a limited size, without text that a database cannot store."""

import json
import re
from collections.abc import Iterator
from contextlib import nullcontext
from typing import IO, Any

from django.conf import settings
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser

from core import errors, long_request_bodies

# Only these escapes can contain what strictly decoded UTF-8 cannot: NUL, or half of a surrogate pair.
_SUSPECT = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")
_REFUSED = re.compile("[\x00\ud800-\udfff]")
# What a body of this size may hold. Each value takes memory and time far beyond its bytes, an empty list most of all.
MAX_VALUES = 2**20
MAX_CONTAINERS = 2**18
# A text, or the byte that a list, an object or a further value begins with.
_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.?)*+(?:"|\Z)|[,\[{]', re.DOTALL)


class BoundedJSONParser(BaseParser):
    media_type = "application/json"

    def parse(self, stream: IO[bytes], media_type: str | None = None, parser_context: Any = None) -> Any:
        """Parse the body. Raises `PayloadTooLarge`, `Busy`, `Invalid` for too many values, or `ParseError` if it is not
        plain JSON."""
        body = read_body(stream, (parser_context or {}).get("request"))
        require_few_values(body)
        return parse_json(body)


def read_body(stream: IO[bytes], request: Any) -> bytes:
    """The whole body of a request. Raises `PayloadTooLarge`, `Busy`."""
    is_long = request is not None and long_request_bodies.is_long(request.META)
    with long_request_bodies.receive(request.user) if is_long else nullcontext():
        body = stream.read(settings.MAX_BODY_BYTES + 1)
    if len(body) > settings.MAX_BODY_BYTES:
        raise too_large()
    return body


def require_few_values(body: bytes) -> None:
    """Raise `Invalid` for a body with more values than one may have. Known before any of them is built."""
    if _has_too_many_values(body):
        most = f"{MAX_VALUES:,} values, or {MAX_CONTAINERS:,} lists and objects"
        raise errors.Invalid(f"The body has more than {most}: send it in parts.")


def has_suspect_text(body: bytes) -> bool:
    """Whether a text of it may be one that a database cannot store, which only `parse_json` finds out."""
    return _SUSPECT.search(body) is not None


def parse_json(text: bytes, what: str = "The body") -> Any:
    """The value that a body, or a line of it, has as JSON. Raises `ParseError` if it is not plain JSON."""
    try:
        value = json.loads(text.decode("utf-8"), parse_constant=_no_constant)
    except RecursionError as error:
        raise ParseError(f"{what} is nested too deeply.") from error
    except ValueError as error:
        raise ParseError(f"{what} is not JSON: {error}") from error
    if _SUSPECT.search(text) and any(_REFUSED.search(value) for value in iter_strings(value)):
        raise ParseError(f"{what} has a NUL character or half of a surrogate pair in a text.")
    return value


def too_large() -> errors.PayloadTooLarge:
    return errors.PayloadTooLarge(
        f"The body is over {settings.MAX_BODY_BYTES // 2**20} MiB.", max_bytes=settings.MAX_BODY_BYTES
    )


def iter_strings(value: Any) -> Iterator[str]:
    """All texts in a JSON value, including keys. Not recursive, so that no depth is too deep."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            yield one
        elif isinstance(one, dict):
            yield from one
            waiting.extend(one.values())
        elif isinstance(one, list):
            waiting.extend(one)


def _has_too_many_values(body: bytes) -> bool:
    """Known before any of them is built. What a text contains does not count."""
    containers = body.count(b"[") + body.count(b"{")
    if containers <= MAX_CONTAINERS and containers + body.count(b",") <= MAX_VALUES:
        return False
    values = containers = 0
    for token in _TOKEN.finditer(body):
        first = body[token.start()]
        if first != ord('"'):
            values += 1
            containers += first != ord(",")
            if values > MAX_VALUES or containers > MAX_CONTAINERS:
                return True
    return False


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number.")
