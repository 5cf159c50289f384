"""Global ids: standard base64 of `Kind:uuid`, which clients turn into hex and back."""

import base64
import binascii
from typing import TypeVar
from uuid import UUID

from django.db.models import Model, QuerySet

from core import errors

M = TypeVar("M", bound=Model)


def encode(kind: str, key: object) -> str:
    """The id of the row of this kind: `Artifact`, `Run`, `Project` …"""
    return base64.b64encode(f"{kind}:{key}".encode()).decode()


def decode(kind: str, text: str) -> UUID | None:
    """The primary key that an id of this kind holds; None for a text that is no such id."""
    try:
        name, _, key = base64.b64decode(text, validate=True).decode().partition(":")
        return UUID(key) if name == kind else None
    except (binascii.Error, ValueError):
        return None


def find(rows: "QuerySet[M]", kind: str, text: str) -> "M | None":
    """The row of that id among these, if there is one."""
    key = decode(kind, text)
    return rows.filter(pk=key).first() if key else None


def get(rows: "QuerySet[M]", kind: str, text: str, noun: str) -> "M":
    """The same. Raises `Missing`, which names the kind of thing as people do."""
    row = find(rows, kind, text)
    if row is None:
        raise errors.Missing(f"{noun} not found: it was deleted, or you don't have access.")
    return row
