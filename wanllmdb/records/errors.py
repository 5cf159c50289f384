"""What a hierarchy refuses, as leaves of the SDK's tree: the same exceptions, wherever the records are kept.

WanLLMDBError
├── Denied
│   └── OperationDisabled  switched off for this hierarchy (405)
├── NotFound
│   ├── RecordNotFound     no record has this id
│   ├── HierarchyNotFound  no such hierarchy, or you have no access
│   └── PayloadNotFound    the record has nothing at this pointer that could be downloaded
├── Invalid
│   ├── InvalidUlid        an id that is no ULID
│   ├── InvalidData        data that its type does not allow, or that cannot be stored
│   ├── InvalidImport      a line of an import is wrong; `.line`. Nothing was imported
│   ├── LevelRefused       below the labelled levels of a hierarchy that enforces them, or below 64 levels
│   └── MoveRefused        under the record itself, or under one of its descendants
├── Conflict
│   ├── RecordTaken        a record with this id exists already
│   └── HasChildren        a record with children is not deleted
├── UntrustedObject        a pickle that this installation has not signed
└── CorruptPayload         the bytes that came back are not those that were stored
"""

from __future__ import annotations

from wanllmdb.sdk.errors import Conflict, CorruptDownload, Denied, Invalid, NotFound, WanLLMDBError


class RecordNotFound(NotFound):
    """No record of this hierarchy has this id."""


class HierarchyNotFound(NotFound):
    """There is no such hierarchy, or you have no access."""


class PayloadNotFound(NotFound):
    """The record has nothing at this pointer that could be downloaded."""


class InvalidUlid(Invalid):
    """An id that is no ULID: 26 letters and digits, without I, L, O and U."""


class InvalidData(Invalid):
    """Data that its type does not allow, or that cannot be stored."""


class InvalidImport(Invalid):
    """A line of an import is wrong. Nothing was imported."""

    @property
    def line(self) -> int | None:
        """The number of the line, from 1."""
        number = self.problem.get("line")
        return number if isinstance(number, int) else None


class LevelRefused(Invalid):
    """The level is below those that the hierarchy has labels for, and it enforces them; or there are 64 above it."""


class MoveRefused(Invalid):
    """A record is not moved under itself, and not under one of its descendants."""


class RecordTaken(Conflict):
    """A record with this id exists already."""


class HasChildren(Conflict):
    """A record with children is not deleted: delete them first, or the whole subtree."""


class OperationDisabled(Denied):
    """The operation is switched off for this hierarchy."""


class UntrustedObject(WanLLMDBError):
    """A pickle that this installation has not signed: it is only loaded with `allow_pickle=True`."""


class CorruptPayload(CorruptDownload):
    """The bytes that came back are not those that were stored."""


_LEAVES: tuple[type[WanLLMDBError], ...] = (
    *(RecordNotFound, HierarchyNotFound, PayloadNotFound, InvalidUlid, InvalidData, InvalidImport, LevelRefused),
    *(MoveRefused, RecordTaken, HasChildren, OperationDisabled),
)
_BY_CODE = {leaf.__name__: leaf for leaf in _LEAVES}


def of_records(error: WanLLMDBError) -> WanLLMDBError:
    """The leaf for what a server answered; the error itself where records have none of their own for its code."""
    leaf = _BY_CODE.get(str(error.problem.get("code", "")))
    if leaf is None and error.status == 405:
        leaf = OperationDisabled
    if leaf is None or isinstance(error, leaf):
        return error
    refusal = leaf(str(error), status=error.status, problem=error.problem)
    refusal.response_lost = error.response_lost
    return refusal
