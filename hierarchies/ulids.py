"""Ids of records: ULIDs, 26 characters that sort by the time when they were made. Upper case, as the standard says."""

import re
from datetime import datetime

from ulid import ULID

from hierarchies import errors

# Crockford's base 32. Anchored so that Python and PostgreSQL agree: `$` would accept a newline at the end in Python.
PATTERN = r"\A[0-7][0-9A-HJKMNP-TV-Z]{25}\Z"
LENGTH = 26


def new() -> str:
    """An id after all that this process has made before."""
    return str(ULID())


def parse(text: object) -> str:
    """The id in upper case, however it was written. Raises `InvalidUlid`."""
    ulid = text.upper() if isinstance(text, str) else ""
    if not re.match(PATTERN, ulid):
        example = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
        raise errors.InvalidUlid(f"{str(text)[:80]!r} is not a ULID: 26 characters, such as {example}.")
    return ulid


def made_at(ulid: str) -> datetime:
    """When it was made, to the millisecond."""
    return ULID.from_str(ulid).datetime
