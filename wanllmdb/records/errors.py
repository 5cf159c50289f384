"""What the library of records raises, besides the SDK's own errors. Each is a kind of one of the SDK's.

WanLLMDBError
├── NotFound
│   ├── RecordNotFound     no such record, or none that you may see
│   ├── HierarchyNotFound  no such hierarchy
│   └── PayloadNotFound    the record has no bytes at this pointer
├── Invalid                also a ValueError
│   ├── InvalidUlid        not a ULID
│   ├── InvalidData        data that cannot be stored, or typed data with wrong metadata; `.problems` by field
│   ├── ImportRefused      a line of an import is wrong, `.line`; nothing was imported
│   ├── LevelRefused       deeper than the labels under enforcement, or than 64 levels
│   └── MoveRefused        under itself or one of its descendants
├── Conflict
│   ├── HasChildren        a record with children is not deleted without them
│   └── IdTaken            a new record with the ID of an existing one
├── Denied
│   ├── PickleRefused      a pickled object that this installation has not signed
│   └── OperationDisabled  the hierarchy has this operation switched off
├── CorruptPayload         the bytes that came back are not those that were stored; also a CorruptDownload
└── PackageMissing         an optional package is needed; the message says which to install
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wanllmdb.sdk.errors import Conflict, CorruptDownload, Denied, Invalid, NotFound, WanLLMDBError


class RecordNotFound(NotFound):
    """No such record, or none that you may see."""


class HierarchyNotFound(NotFound):
    """No such hierarchy, or none that you may see."""


class PayloadNotFound(NotFound):
    """The record has no bytes at this pointer."""


class InvalidUlid(Invalid):
    """Not a ULID: 26 characters of 0-9 and A-Z without I, L, O and U."""


class InvalidData(Invalid):
    """Data that cannot be stored, or typed data that does not have the shape of its type."""

    def __init__(
        self,
        message: str,
        problems: Mapping[str, str] | None = None,
        status: int | None = None,
        problem: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message, status=status, problem=problem)
        self.problems: dict[str, str] = dict(problems or {})
        """What is wrong by field, such as `metadata.status`."""


class ImportRefused(Invalid):
    """A line of an import is wrong. Nothing was imported."""

    @property
    def line(self) -> int | None:
        """The number of the line, from 1."""
        number = self.problem.get("line")
        return number if isinstance(number, int) else None


class LevelRefused(Invalid):
    """Deeper than the hierarchy's labels, which it enforces, or deeper than 64 levels."""


class MoveRefused(Invalid):
    """A record cannot be moved under itself or one of its descendants."""


class HasChildren(Conflict):
    """A record that has children is not deleted without them."""


class IdTaken(Conflict):
    """There is a record of this ID already."""


class PickleRefused(Denied):
    """A pickled object that this installation has not signed: unpickling it could run anybody's code."""


class OperationDisabled(Denied):
    """The hierarchy has this operation switched off."""


class CorruptPayload(CorruptDownload):
    """The bytes that came back are not those that were stored."""


class PackageMissing(WanLLMDBError, ImportError):
    """An optional package is missing. The message says how to install it."""


_LEAVES: tuple[type[WanLLMDBError], ...] = (
    *(RecordNotFound, HierarchyNotFound, PayloadNotFound, InvalidUlid, InvalidData, ImportRefused, LevelRefused),
    *(MoveRefused, HasChildren, IdTaken, OperationDisabled),
)
_BY_CODE = {leaf.__name__: leaf for leaf in _LEAVES}


def of_records(error: WanLLMDBError) -> WanLLMDBError:
    """The leaf for what a server answered; the error itself where there is none for its code."""
    leaf = _BY_CODE.get(str(error.problem.get("code", "")))
    if leaf is None and error.status == 405:
        leaf = OperationDisabled
    if leaf is None or isinstance(error, leaf):
        return error
    refusal = leaf(str(error), status=error.status, problem=error.problem)
    refusal.response_lost = error.response_lost
    if isinstance(refusal, InvalidData) and isinstance(error.problem.get("errors"), Mapping):
        fields = error.problem["errors"].items()
        refusal.problems = {
            str(field): " ".join(map(str, texts)) if isinstance(texts, list) else str(texts) for field, texts in fields
        }
    return refusal
