"""Lines as they arrive, are kept and are read: texts without a line feed, which of a history or of events are JSON.

Clients send bare `NaN` and `Infinity`, which is no JSON: they are kept as texts.
"""

import gzip
import json
import math
import re
import zlib
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from core import errors, request_bodies
from tracking.models import Stream

STEP = "_step"
MAX_LINE_BYTES = 10 * 2**20
_MAX_DEPTH = 64
# Of the lines that one call brings: of rows of a single metric, 32 MiB have fewer of both.
MAX_VALUES = 2**22
MAX_CONTAINERS = 2**19
# What can make a number that is not finite, or half of a character.
_SUSPECT = re.compile(r"NaN|Infinity|[eE]\+?\d{3}|\\u[dD][89a-fA-F]")

Row = dict[str, Any]


class Line(NamedTuple):
    """A line with its bytes, and what it says; without a row if it is no JSON object."""

    text: str
    size: int
    step: int | None = None
    row: Row | None = None


def require_few_values(texts: Iterable[str]) -> None:
    """Raise `TooLarge` for JSON with more values than one call may bring. Known before any of them is built."""
    body = "\n".join(texts).encode(errors="replace")
    if request_bodies.has_too_many_values(body, MAX_VALUES, MAX_CONTAINERS):
        message = f"A run takes at most {MAX_VALUES:,} values, or {MAX_CONTAINERS:,} lists and objects, at once."
        raise errors.TooLarge(message)


def parse(stream: Stream, texts: Iterable[str]) -> list[Line]:
    """The lines as they are kept. Raises `TooLarge` for one that is longer than `MAX_LINE_BYTES`."""
    return [_parse_console(text) if stream == Stream.CONSOLE else _parse_row(text) for text in texts]


def of_texts(stream: Stream, texts: Iterable[str]) -> list[Line]:
    """The lines of texts that were kept before."""
    if stream == Stream.CONSOLE:
        return [Line(text, _check_size(text)) for text in texts]
    return [_line(text, load(text)) for text in texts]


def of_rows(rows: Iterable[Row]) -> list[Line]:
    """The lines of rows that have been checked before."""
    return [_line(dump(row), row) for row in rows]


def dump(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def load(text: str) -> Row | None:
    """The row of a line that is kept; None where there is none in it."""
    row = json.loads(text)
    return row if isinstance(row, dict) else None


def finite(value: float) -> float | str:
    """The number, or the text that stands for it in JSON."""
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def step_of(row: Row) -> int | None:
    step = row.get(STEP)
    if isinstance(step, float) and step.is_integer():
        step = int(step)
    return step if isinstance(step, int) and not isinstance(step, bool) and -(2**63) <= step < 2**63 else None


def compress(texts: Iterable[str]) -> bytes:
    return zlib.compress(_joined(texts))


def decompress(body: bytes) -> list[str]:
    return zlib.decompress(body).decode().split("\n")


def compress_object(texts: Iterable[str]) -> bytes:
    """The lines as a file that people can read with `zcat`."""
    return gzip.compress(_joined(texts), mtime=0)


def decompress_object(body: bytes) -> list[str]:
    return gzip.decompress(body).decode().split("\n")


def _joined(texts: Iterable[str]) -> bytes:
    return "\n".join(texts).encode()


def _parse_console(text: str) -> Line:
    text = _whole(text.replace("\n", " "))
    return Line(text, _check_size(text))


def _parse_row(text: str) -> Line:
    _check_size(text)
    try:
        row = json.loads(text)
        if _is_deep(text, row) or not isinstance(row, dict):
            raise ValueError
    except (ValueError, RecursionError):
        # Kept, but nobody is to read it as a row.
        return _line(dump(_whole(text)), None)
    # A line feed in JSON is white space.
    if _SUSPECT.search(text) or "\n" in text or _whole(text) != text:
        row = _clean(row)
        text = dump(row)
    return _line(text, row)


def _line(text: str, row: Row | None) -> Line:
    return Line(text, _check_size(text), None if row is None else step_of(row), row)


def _whole(text: str) -> str:
    """The text with `?` in place of halves of characters, which no encoding has."""
    return text if text.isascii() else text.encode(errors="replace").decode()


def _check_size(text: str) -> int:
    size = len(text) if text.isascii() else len(text.encode(errors="replace"))
    if size > MAX_LINE_BYTES:
        raise errors.TooLarge(f"A line of a run has at most {MAX_LINE_BYTES // 2**20} MiB.")
    return size


def _is_deep(text: str, value: Any) -> bool:
    return text.count("{") + text.count("[") > _MAX_DEPTH and _depth_exceeds(value, _MAX_DEPTH)


def _depth_exceeds(value: Any, depth: int) -> bool:
    if not isinstance(value, dict | list):
        return False
    inner: Sequence[Any] = list(value.values()) if isinstance(value, dict) else value
    return depth == 0 or any(_depth_exceeds(one, depth - 1) for one in inner)


def _clean(value: Any) -> Any:
    """The value with texts in place of numbers that JSON has not, and without halves of characters."""
    if isinstance(value, dict):
        return {_clean(key): _clean(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_clean(inner) for inner in value]
    if isinstance(value, str):
        return _whole(value)
    return finite(value) if isinstance(value, float) else value
