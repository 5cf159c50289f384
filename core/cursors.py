"""Opaque cursors: where a list that is read page by page goes on."""

import base64
import binascii
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Model

from core import errors


def encode_cursor(value: Any) -> str:
    """The cursor that stands for this value: plain ASCII, whatever the value holds."""
    return base64.urlsafe_b64encode(str(value).encode()).decode().rstrip("=")


def decode_cursor(cursor: str, model: type[Model], key: str) -> Any:
    """The value that a cursor stands for, in the column `key`. Raises `Invalid` for what is no cursor."""
    try:
        return model._meta.get_field(key).to_python(decode_text(cursor))
    except (ValueError, ValidationError) as error:
        raise _invalid() from error


def decode_text(cursor: str) -> str:
    """The value that a cursor stands for, as text. Raises `Invalid` for what is no cursor."""
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError) as error:
        raise _invalid() from error
    if "\0" in text:
        raise _invalid()
    return text


def _invalid() -> errors.Invalid:
    return errors.Invalid("Invalid cursor: use one that this server returned.")
