"""In which order people read the aliases of an artifact, as bytes that each database sorts alike in every locale.

A column holds them, so that the first aliases are found by an index, however many an artifact has.
"""

import re
from typing import Any

from django.db import models

# These come first, in this order; then names, then what looks like a version.
WELL_KNOWN = ("production", "staging", "latest", "stable", "candidate", "best")
# `v3`, `1.0`, `v1.2.3-rc.1`, `2.0b1`, `2026-11-28`; what follows the numbers makes it come before the release.
_VERSION = re.compile(r"[vV]?([0-9]+(?:\.[0-9]+)*)((?:[-._]|a[0-9]|b[0-9]|rc[0-9]).*)?")
_NAME, _VERSION_LIKE = 0x40, 0x60


def is_version_like(alias: str) -> bool:
    return _VERSION.fullmatch(alias) is not None


def sort_key(alias: str) -> bytes:
    """Well-known names, other names, versions; numbers in them by their value: `v0.2.0` before `v0.10.0`."""
    lower, version = alias.lower(), _VERSION.fullmatch(alias)
    if lower in WELL_KNOWN:
        key = bytes([WELL_KNOWN.index(lower)])
    elif version is None:
        key = bytes([_NAME]) + _natural(lower)
    else:
        numbers, suffix = version[1].split("."), version[2]
        # A further number comes after the release, and that after what leads to it: 1.2-rc, 1.2, 1.2.1.
        end = b"\x00" + _natural(suffix.lower()) if suffix else b"\x01"
        key = bytes([_VERSION_LIKE]) + b"\x02".join(map(_number, numbers)) + end
    return key + b"\x00" + alias.encode()


def _natural(text: str) -> bytes:
    parts = filter(None, re.split(r"([0-9]+)", text))
    return b"".join(b"0" + _number(part) if part.isdigit() else part.encode() for part in parts)


def _number(digits: str) -> bytes:
    """Longer numbers come after shorter ones: an alias has at most a hundred digits."""
    digits = digits.lstrip("0")
    return bytes([len(digits) + 1]) + digits.encode()


class AliasSortKeyField(models.BinaryField):
    """`sort_key` of the `alias` of its row, computed whenever the row is written."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options | {"editable": False})

    def pre_save(self, model_instance: models.Model, add: bool) -> bytes:
        key = sort_key(model_instance.alias)
        setattr(model_instance, self.attname, key)
        return key
