"""How requests state the files of a version: as columns, so that JSON has no object for each file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from wanllmdb.sdk.manifest import Entry
from wanllmdb.sdk.transfer.chunks import Piece
from wanllmdb.sdk.transfer.hashes import HashedFile

# As in `artifacts.draft_files` of the server.
MAX_FILES_PER_REQUEST = 20_000
MAX_BYTES_PER_REQUEST = 7_000_000
# The JSON of a file besides its path: a hash, a size, maybe its number among the executable ones.
_BYTES_PER_FILE = 100
# Of a piece of a large file.
_BYTES_PER_PIECE = 90
MAX_PIECES_PER_REQUEST = 50_000
# That of a reference besides its texts: the keys and a size.
_BYTES_PER_REFERENCE = 140


class FileBatch:
    """Files and references of one request."""

    def __init__(self) -> None:
        self._paths: list[str] = []
        self._sizes: list[int] = []
        self._sha256: list[str] = []
        self._executable: list[int] = []
        self._extents: dict[int, list[Piece]] = {}
        self._piece_count = 0
        self._references: list[dict[str, Any]] = []
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._paths) + len(self._references)

    def has_room(self, size: int, piece_count: int = 0) -> bool:
        """For one more whose JSON is of this size at most; there is always room for the first."""
        return not len(self) or (
            len(self) < MAX_FILES_PER_REQUEST
            and self._bytes + size <= MAX_BYTES_PER_REQUEST
            and self._piece_count + piece_count <= MAX_PIECES_PER_REQUEST
        )

    def add_file(self, file: HashedFile, size: int) -> None:
        if file.executable:
            self._executable.append(len(self._paths))
        if file.pieces:
            self._extents[len(self._paths)] = list(file.pieces)
            self._piece_count += len(file.pieces)
        self._paths.append(file.path)
        self._sizes.append(file.size)
        self._sha256.append(file.sha256)
        self._bytes += size

    def add_reference(self, record: dict[str, Any], size: int) -> None:
        self._references.append(record)
        self._bytes += size

    @property
    def fields(self) -> dict[str, Any]:
        """For the body of a request."""
        columns: dict[str, Any] = {"paths": self._paths, "sizes": self._sizes, "sha256": self._sha256}
        if self._executable:
            columns["executable"] = self._executable
        if self._extents:
            columns["extents"] = self._extents
        fields: dict[str, Any] = {"file_columns": columns} if self._paths else {}
        return {**fields, "files": self._references} if self._references else fields


def batches(files: Iterable[HashedFile], references: Iterable[Entry] = ()) -> Iterator[FileBatch]:
    """The files and then the references, in as few requests as they fit into."""
    batch = FileBatch()
    for file in files:
        size = _BYTES_PER_FILE + _max_bytes(file.path) + _BYTES_PER_PIECE * len(file.pieces)
        if not batch.has_room(size, len(file.pieces)):
            yield batch
            batch = FileBatch()
        batch.add_file(file, size)
    for entry in references:
        record = _reference_record(entry)
        size = _BYTES_PER_REFERENCE + sum(map(_max_bytes, record.values()))
        if not batch.has_room(size):
            yield batch
            batch = FileBatch()
        batch.add_reference(record, size)
    if len(batch):
        yield batch


def _reference_record(entry: Entry) -> dict[str, Any]:
    return {
        "path": entry.path,
        "size": entry.size,
        "reference_uri": entry.reference_uri,
        "reference_identity": entry.reference_identity,
        "version_id": entry.version_id,
    }


def _max_bytes(value: object) -> int:
    """What JSON needs for a text without control characters at most: a quotation mark is two, an emoji four bytes."""
    return len(value) * (2 if value.isascii() else 4) if isinstance(value, str) else 0
