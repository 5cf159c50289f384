"""Sizes in bytes as people write them: `50GB`, `1.5 GiB`, `500M`."""

from __future__ import annotations

import re

from wanllmdb.sdk import errors

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(I?)B?", re.IGNORECASE | re.ASCII)
_PREFIXES = " KMGT"


def parse(text: str | int) -> int:
    """The number of bytes: K, M, G and T are powers of 1000, Ki, Mi, Gi and Ti of 1024. Raises `Invalid`."""
    match = _SIZE.fullmatch(str(text).strip())
    if match is None or (match[3] and not match[2]):
        raise errors.Invalid(f"{text!r} is not a size: use a number of bytes, or one such as '50GB' or '500MiB'")
    base = 1024 if match[3] else 1000
    return int(float(match[1]) * base ** _PREFIXES.index(match[2].upper() or " "))


def describe(size: int) -> str:
    """`1.5 GiB`."""
    value = float(size)
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if value < 1024 or unit == "TiB":
            break
        value /= 1024
    return f"{size} B" if unit == "B" else f"{value:.1f} {unit}"
