"""Everything hierarchies refuse: the kinds of `core.errors`, and the leaves that hierarchies add to them.

Invalid            InvalidUlid, InvalidData, LevelRefused, MoveRefused, ImportRefused
Missing            HierarchyNotFound, RecordNotFound, PayloadNotFound
Conflict           HasChildren, IdTaken, UploadIncomplete, TooManyHierarchies, NameTaken, BytesMismatch,
                   LevelRuleTaken, IndexTaken, TooManyIndexes
OperationDisabled  405   switched off in this hierarchy
"""

from artifacts.errors import (
    BytesMismatch,
    Conflict,
    Denied,
    Invalid,
    Missing,
    NameTaken,
    RegistryError,
    StoreUnavailable,
    TooLarge,
    UploadIncomplete,
    check,
    refuse,
)

__all__ = [
    "BytesMismatch",
    "Conflict",
    "Denied",
    "HasChildren",
    "HierarchyNotFound",
    "IdTaken",
    "ImportRefused",
    "IndexTaken",
    "Invalid",
    "InvalidData",
    "InvalidUlid",
    "LevelRefused",
    "LevelRuleTaken",
    "Missing",
    "MoveRefused",
    "NameTaken",
    "OperationDisabled",
    "PayloadNotFound",
    "RecordNotFound",
    "RegistryError",
    "StoreUnavailable",
    "TooLarge",
    "TooManyHierarchies",
    "TooManyIndexes",
    "UploadIncomplete",
    "check",
    "refuse",
]


class InvalidUlid(Invalid):
    """A text that is not an id of a record."""


class InvalidData(Invalid):
    """Data that is not JSON, is too large, or is not what its type asks for."""


class LevelRefused(Invalid):
    """The record would be on a level that the hierarchy does not have, or deeper than any may be."""


class MoveRefused(Invalid):
    """The record would be below itself."""


class ImportRefused(Invalid):
    """A line that cannot be imported; `line` is its number, from 1. Nothing was imported."""


class HierarchyNotFound(Missing):
    """The project has no hierarchy of that name."""


class RecordNotFound(Missing):
    """The hierarchy has no record of that id."""


class PayloadNotFound(Missing):
    """The record has no payload at that pointer, or there is no upload of that id."""


class HasChildren(Conflict):
    """Records below it keep the record from being deleted."""


class IdTaken(Conflict):
    """There is a record of this id already."""


class TooManyHierarchies(Conflict):
    """The project has as many hierarchies as one may have."""


class LevelRuleTaken(NameTaken):
    """The level has a retention rule already."""


class IndexTaken(NameTaken):
    """There is an index on this member of data already."""


class TooManyIndexes(Conflict):
    """The hierarchy has as many indexes on data as one may have."""


class OperationDisabled(RegistryError):
    """The hierarchy has this operation switched off."""

    status = 405
    title = "Operation disabled"
