"""Limits that hold wherever a value comes from: pages, API and admin call the same functions.

Each raises Django's `ValidationError`.
"""

import json
import math
import re
import unicodedata
from collections.abc import Iterable
from typing import Any

from django.core.exceptions import ValidationError

MAX_TEXT_LENGTH = 2**16
MAX_JSON_BYTES = 2**20
MAX_JSON_DEPTH = 64
MAX_TAGS = 100
MAX_TAG_LENGTH = 128
# They turn the text around them, so that a name reads as another one: "\u202egnp.exe" as "exe.png".
DIRECTION_CHARACTER = re.compile(r"[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def escape_directions(text: str) -> str:
    r"""A stored name or path, such characters escaped: `\u202egnp.exe` for what would read `exe.png`."""
    return DIRECTION_CHARACTER.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def validate_single_line(text: str) -> None:
    """Refuse control characters: line ends are some, and so are those that turn the text around them."""
    if DIRECTION_CHARACTER.search(text) or any(unicodedata.category(character) == "Cc" for character in text):
        raise ValidationError("Control characters are not allowed.", code="control_characters")


def validate_tags(tags: Iterable[str]) -> list[str]:
    """Distinct short texts in the order given; one given twice counts once."""
    tags = list(dict.fromkeys(tags))
    if len(tags) > MAX_TAGS:
        raise ValidationError(f"At most {MAX_TAGS} tags are allowed.", code="too_many")
    for tag in tags:
        if len(tag) > MAX_TAG_LENGTH:
            raise ValidationError(f"A tag has at most {MAX_TAG_LENGTH} characters.", code="too_long")
        validate_single_line(tag)
    return tags


def validate_json_object(data: Any) -> dict[str, Any]:
    """A JSON object that every database we run on gives back as it was."""
    if not isinstance(data, dict):
        raise ValidationError("Expected a JSON object.", code="not_an_object")
    validate_json_value(data)
    return data


def validate_json_value(data: Any, max_bytes: int = MAX_JSON_BYTES) -> bytes:
    """Any JSON value that every database we run on gives back as it was, as JSON without spaces."""
    _validate_json_values(data, max_bytes)
    try:
        encoded = json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError as error:
        raise _bad_text() from error
    if len(encoded) > max_bytes:
        raise _too_large(max_bytes)
    return encoded


def _validate_json_values(data: Any, max_bytes: int) -> None:
    """Without recursion: the depth is what is not yet known to be sane. No longer than it may be as JSON."""
    pending: list[tuple[Any, int]] = [] if _is_plain(data) else [(data, 1)]
    # A value takes a byte and a comma, a list or an object another byte, a key two quotes and a colon.
    least = 0
    while pending:
        value, depth = pending.pop()
        if isinstance(value, (dict, list)):
            least += len(value) * (5 if isinstance(value, dict) else 2) or 1
        if least > max_bytes:
            raise _too_large(max_bytes)
        if depth > MAX_JSON_DEPTH:
            raise ValidationError(f"Nested deeper than {MAX_JSON_DEPTH} levels.", code="too_deep")
        if isinstance(value, dict):
            pending.extend((item, depth + 1) for item in value.values() if not _is_plain(item))
            pending.extend((key, depth) for key in value if "\0" in key)
        elif isinstance(value, list):
            pending.extend((item, depth + 1) for item in value if not _is_plain(item))
        elif isinstance(value, float):
            raise ValidationError("NaN and Infinity are not JSON numbers.", code="not_finite")
        else:
            raise _bad_text()


def _is_plain(value: Any) -> bool:
    if isinstance(value, str):
        return "\0" not in value
    if isinstance(value, float):
        return math.isfinite(value)
    return value is None or isinstance(value, int)


def _too_large(max_bytes: int) -> ValidationError:
    return ValidationError(f"Larger than {max_bytes // 1024} KiB as JSON.", code="too_large")


def _bad_text() -> ValidationError:
    return ValidationError("A text has a NUL character or half of a surrogate pair.", code="bad_text")
