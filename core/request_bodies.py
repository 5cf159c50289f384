"""Request bodies: of a limited size, and JSON without text that a database cannot store."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from typing import IO, Any

from django.conf import settings

from core import errors, long_request_bodies

# Only these escapes can contain what strictly decoded UTF-8 cannot: NUL, or half of a surrogate pair.
_SUSPECT = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")
_REFUSED = re.compile("[\x00\ud800-\udfff]")
# What a body of this size may hold. Each value takes memory and time far beyond its bytes, an empty list most of all.
MAX_VALUES = 2**20
MAX_CONTAINERS = 2**18
# A text, or the byte that a list, an object or a further value begins with.
_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.?)*+(?:"|\Z)|[,\[{]', re.DOTALL)


def max_bytes(path: str) -> int:
    """How long the body of a request for this path may be."""
    is_stream = path.startswith("/files/") and path.endswith("/file_stream")
    return settings.MAX_STREAM_BODY_BYTES if is_stream else settings.MAX_BODY_BYTES


def no_constant(name: str) -> None:
    """What `NaN` and infinities are in strict JSON. Raises `ValueError`."""
    raise ValueError(f"{name} is not a JSON number.")


def read(stream: IO[bytes], request: Any, max_bytes: int | None = None) -> bytes:
    """The whole body of a request. Raises `Busy`, `PayloadTooLarge` where it is over `max_bytes` or the usual limit."""
    limit = max_bytes or settings.MAX_BODY_BYTES
    is_long = request is not None and long_request_bodies.is_long(request.META)
    with long_request_bodies.receive(request.user) if is_long else nullcontext():
        body = stream.read(limit + 1)
    if len(body) > limit:
        raise too_large(limit)
    return body


def require_few_values(body: bytes) -> None:
    """Raise `Invalid` for a body with more values than one may have. Known before any of them is built."""
    if has_too_many_values(body, MAX_VALUES, MAX_CONTAINERS):
        most = f"{MAX_VALUES:,} values, or {MAX_CONTAINERS:,} lists and objects"
        raise errors.Invalid(f"The body has more than {most}: send it in parts.")


def has_suspect_text(body: bytes) -> bool:
    """Whether a text of it may be one that a database cannot store, which only `parse_json` finds out."""
    return _SUSPECT.search(body) is not None


def parse_json(text: bytes, what: str = "The body", parse_constant: Callable[[str], Any] = no_constant) -> Any:
    """The value that a body, or a line of it, has as JSON. Raises `Invalid` if it is not plain JSON."""
    try:
        value = json.loads(text.decode("utf-8"), parse_constant=parse_constant)
    except RecursionError as error:
        raise errors.Invalid(f"{what} is nested too deeply.") from error
    except ValueError as error:
        raise errors.Invalid(f"{what} is not JSON: {error}") from error
    if has_suspect_text(text) and any(_REFUSED.search(value) for value in iter_strings(value)):
        raise errors.Invalid(f"{what} has a NUL character or half of a surrogate pair in a text.")
    return value


def too_large(max_bytes: int) -> errors.PayloadTooLarge:
    return errors.PayloadTooLarge(f"The body is over {max_bytes // 2**20} MiB.", max_bytes=max_bytes)


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


def has_too_many_values(body: bytes, max_values: int, max_containers: int) -> bool:
    """Known before any of them is built. What a text contains does not count."""
    containers = body.count(b"[") + body.count(b"{")
    if containers <= max_containers and containers + body.count(b",") <= max_values:
        return False
    values = containers = 0
    for token in _TOKEN.finditer(body):
        first = body[token.start()]
        if first != ord('"'):
            values += 1
            containers += first != ord(",")
            if values > max_values or containers > max_containers:
                return True
    return False
