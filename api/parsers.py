"""Request bodies: JSON of a limited size, without text that a database cannot store."""

import json
import re
from collections.abc import Iterator
from contextlib import nullcontext
from typing import IO, Any

from django.conf import settings
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser

from core import errors, long_bodies

# Only these escapes can contain what strictly decoded UTF-8 cannot: NUL, or half of a surrogate pair.
_SUSPECT = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")
_REFUSED = re.compile("[\x00\ud800-\udfff]")


class BoundedJSONParser(BaseParser):
    media_type = "application/json"

    def parse(self, stream: IO[bytes], media_type: str | None = None, parser_context: Any = None) -> Any:
        """Parse the body. Raises `PayloadTooLarge`, `Busy`, or `ParseError` if it is not plain JSON."""
        body = _read(stream, (parser_context or {}).get("request"))
        if len(body) > settings.MAX_BODY_BYTES:
            raise too_large()
        try:
            value = json.loads(body.decode("utf-8"), parse_constant=_no_constant)
        except RecursionError as error:
            raise ParseError("The body is nested too deeply.") from error
        except ValueError as error:
            raise ParseError(f"The body is not JSON: {error}") from error
        if _SUSPECT.search(body) and any(_REFUSED.search(text) for text in iter_strings(value)):
            raise ParseError("The body has a NUL character or half of a surrogate pair in a text.")
        return value


def _read(stream: IO[bytes], request: Any) -> bytes:
    is_long = request is not None and long_bodies.is_long(request.META)
    with long_bodies.receive(request.user) if is_long else nullcontext():
        return stream.read(settings.MAX_BODY_BYTES + 1)


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


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number.")
