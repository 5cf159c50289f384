"""What a manager asks of where records are: a database (`local_repository`) or a server (`remote_repository`).

A repository knows JSON and bytes only. Objects and frames become both, and are made of both again, in `objects`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Final

from ulid import ULID

from wanllmdb.records.hierarchy import ArtifactHierarchy

MAX_PAGE_SIZE = 200


class Unset:
    """The type of `UNSET`."""

    def __repr__(self) -> str:
        return "UNSET"


UNSET: Final = Unset()
"""Not given: differs from None where None means something, such as "no parent"."""


@dataclass(frozen=True)
class NewPayload:
    """Bytes to keep beside a record's JSON: those of the value at the JSON pointer `pointer` ("" is the whole data)."""

    pointer: str
    kind: str
    """`object`, `frame` or `bytes`."""
    content_type: str
    content: bytes = field(repr=False)
    type: str = ""
    module: str = ""
    repr: str = ""
    error: str = ""
    signature: str = ""


@dataclass(frozen=True)
class PayloadInfo:
    """What is known of stored bytes without reading them."""

    id: str
    record_id: ULID
    pointer: str
    kind: str
    content_type: str
    size: int
    sha256: str
    type: str = ""
    module: str = ""
    repr: str = ""
    error: str = ""
    signature: str = ""


@dataclass(frozen=True)
class NewRecord:
    """A record to create. Its data is JSON, with placeholders where the payloads' values are."""

    data: Any
    parent_id: ULID | None = None
    """May be the ID of an earlier record of the same call."""
    type: str = ""
    tags: Sequence[str] = ()
    payloads: Sequence[NewPayload] = ()
    id: ULID | None = None
    """None: the repository chooses one. Raises `IdTaken` if there is such a record already."""
    created_at: datetime | None = None
    updated_at: datetime | None = None


@dataclass(frozen=True)
class RecordUpdate:
    """What to change of a record; what is UNSET stays. A new parent moves the whole subtree, and None makes it a root.

    New data comes with all of its payloads: those of before go.
    """

    id: ULID
    data: Any = UNSET
    payloads: Sequence[NewPayload] = ()
    parent_id: ULID | Unset | None = UNSET
    type: str | Unset = UNSET
    tags: Sequence[str] | Unset = UNSET


@dataclass(frozen=True)
class StoredRecord:
    """A record as it is stored: JSON, and what is known of its payloads, ordered by pointer."""

    id: ULID
    parent_id: ULID | None
    level: int
    type: str
    data: Any
    tags: tuple[str, ...]
    created_at: datetime
    updated_at: datetime
    payloads: tuple[PayloadInfo, ...] = ()


@dataclass(frozen=True)
class Filters:
    """Which records: all that meet every condition given."""

    level: int | None = None
    parent_id: ULID | Unset | None = UNSET
    """None: the roots."""
    type: str | None = None
    tag: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict)
    """Values by dotted path, such as `{"metrics.rmse": 0.25}`. They are compared with their JSON type."""


ALL_RECORDS: Final = Filters()


class Repository(ABC):
    """Where the records of one hierarchy are. Any number of tasks may use it at once.

    Lists are in the order of the IDs, which is that of creation. Every method raises errors of `records.errors` or of
    the SDK. A method that changes several records changes all of them or none, unless it says otherwise.
    """

    loads_objects: ClassVar[bool]
    """Whether lists and trees come with their objects by default; else with placeholders."""

    @abstractmethod
    async def find_hierarchy(self) -> ArtifactHierarchy | None:
        """The hierarchy that is stored with the records, if one is."""

    @abstractmethod
    async def write(
        self, writes: Sequence[NewRecord | RecordUpdate], hierarchy: ArtifactHierarchy
    ) -> list[StoredRecord]:
        """Create and update records, in this order. Returns them as they are stored, in the same order.

        Raises `RecordNotFound` for a record or a parent that is not there, `LevelRefused`, `MoveRefused`,
        `IdTaken`, and `InvalidData` if the repository checks data itself.
        """

    @abstractmethod
    async def find(self, ids: Sequence[ULID]) -> list[StoredRecord]:
        """The records of these IDs, in the order of the IDs. Those that do not exist are left out."""

    @abstractmethod
    async def find_all(self, filters: Filters = ALL_RECORDS) -> list[StoredRecord]:
        """All records that meet the filters."""

    @abstractmethod
    async def find_page(self, page: int, size: int, filters: Filters = ALL_RECORDS) -> tuple[list[StoredRecord], int]:
        """One page (the first is 1) of at most `MAX_PAGE_SIZE` records, and the number of records on all pages."""

    @abstractmethod
    async def count(self, filters: Filters = ALL_RECORDS) -> int:
        """How many records meet the filters."""

    @abstractmethod
    async def find_subtree(self, root_id: ULID, max_depth: int | None = None) -> list[StoredRecord]:
        """The record and its descendants, at most `max_depth` levels below it. Parents come before their children.

        Empty if there is no such record.
        """

    @abstractmethod
    async def find_ancestors(self, id: ULID) -> list[StoredRecord]:
        """The ancestors of the record, root first, without itself."""

    @abstractmethod
    async def delete(self, ids: Sequence[ULID]) -> int:
        """Delete these records, if none of them has other children. Returns how many there were.

        Those that do not exist are no error. Raises `HasChildren`.
        """

    @abstractmethod
    async def delete_subtree(self, id: ULID) -> int:
        """Delete the record with all of its descendants. Returns how many records those were: 0 if it did not exist."""

    @abstractmethod
    async def read_payloads(self, payloads: Sequence[PayloadInfo]) -> list[bytes]:
        """The bytes of these payloads, in this order. Raises `PayloadNotFound` for one that is gone by now."""

    async def close(self) -> None:
        """Give up connections. `connect` does it at its end."""
        return None
