"""Export and import of all records of a repository, local or remote."""

from __future__ import annotations

import json
import tempfile
from collections.abc import AsyncIterator, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from ulid import ULID

from wanllmdb.records import lines
from wanllmdb.records.errors import RecordNotFound
from wanllmdb.records.hierarchy import ANY_HIERARCHY, ArtifactHierarchy
from wanllmdb.records.ids import new_ulid
from wanllmdb.records.local_repository import ArtifactRepository
from wanllmdb.records.remote_repository import RemoteRepository
from wanllmdb.records.repository import NewRecord
from wanllmdb.records.schemas import to_ulid
from wanllmdb.records.typed_data import find_problems
from wanllmdb.sdk import errors

# What is more is written to a file in the temporary directory.
_MAX_IN_MEMORY = 8 * (1 << 20)
_RECORD = b'{"kind":"record"'

LocalOrRemote = ArtifactRepository | RemoteRepository


async def export(
    repository: LocalOrRemote, hierarchy: ArtifactHierarchy, after: ULID | None = None
) -> AsyncIterator[bytes]:
    """The lines of the hierarchy and of all records, or of those that follow `after`, each with its line break."""
    if after is None:
        yield lines.hierarchy_line(hierarchy)
    if isinstance(repository, RemoteRepository):
        async for line in repository.export_lines(after):
            yield line
        return
    async for records in repository.iter_after(after):
        for record in records:
            yield lines.record_line(record)
            for payload in record.payloads:
                (content,) = await repository.read_payloads([payload])
                yield lines.payload_line(payload, content)


async def export_to_file(repository: LocalOrRemote, hierarchy: ArtifactHierarchy, path: Path) -> int:
    """Write the file, and return how many records it has. It appears when it is complete: until then there is `.part`.

    What an interrupted export left in that is continued, so that no record is fetched twice.
    """
    part = path.with_name(f"{path.name}.part")
    with part.open("a+b") as file:
        after, count = _resume(file, lines.hierarchy_line(hierarchy))
        try:
            count += await _write(file, export(repository, hierarchy, after))
        except RecordNotFound:
            if after is None:
                raise
            # The record to go on after was deleted meanwhile.
            file.truncate(0)
            count = await _write(file, export(repository, hierarchy))
    part.replace(path)
    return count


async def _write(file: BinaryIO, source: AsyncIterator[bytes]) -> int:
    count = 0
    async for line in source:
        file.write(line)
        count += line.startswith(_RECORD)
    return count


def _resume(file: BinaryIO, first_line: bytes) -> tuple[ULID | None, int]:
    """Cut the file before its last record, whose payloads may be missing. Returns the record before, and the count.

    A file of another hierarchy is begun anew.
    """
    file.seek(0)
    if file.readline() != first_line:
        file.truncate(0)
    file.seek(0)
    offset, count = 0, 0
    starts: list[tuple[int, str]] = [(0, "")]
    for line in file:
        if not line.endswith(b"\n"):
            break
        if line.startswith(_RECORD):
            starts = [*starts[-1:], (offset, json.loads(line)["id"])]
            count += 1
        offset += len(line)
    if count < 2:
        file.truncate(0)
        return None, 0
    file.truncate(starts[1][0])
    return to_ulid(starts[0][1]), count - 1


async def import_lines(repository: LocalOrRemote, source: Iterable[bytes], *, skip_existing: bool = False) -> int:
    """Create the records of an export, with their IDs, times and payloads: all of them, or none. Returns how many.

    A database without a hierarchy gets that of the export.

    Raises `ImportRefused`, which names the first line that is wrong: no JSON, an ID that is there already, unless those
    are skipped, an unknown parent, a level that is refused, or typed data with wrong metadata.
    """
    if isinstance(repository, RemoteRepository):
        return await repository.import_lines(source, skip_existing=skip_existing)
    found: dict[ULID, tuple[int, NewRecord]] = {}
    described: ArtifactHierarchy | None = None
    for number, record in lines.read(source):
        if isinstance(record, ArtifactHierarchy):
            described = record
            continue
        if record.id is None or record.id in found:
            raise lines.refused(number, f"there are two records {record.id} in the file")
        if problems := find_problems(record.data):
            sentence = "; ".join(f"{field}: {text}" for field, text in problems.items())
            raise lines.refused(number, f"the data is not of its type ({sentence})")
        found[record.id] = number, record
    outside = {record.parent_id for _, record in found.values() if record.parent_id} - found.keys()
    known = {record.id: record.level for record in await repository.find([*found, *outside])}
    for id in [id for id in found if id in known]:
        if not skip_existing:
            raise lines.refused(found[id][0], f"there is a record {id} already")
        del found[id]
    stored = await repository.find_hierarchy()
    hierarchy = stored or described or ANY_HIERARCHY
    ordered = _parents_first(found, known, hierarchy)
    if stored is None and described is not None:
        await repository.store_hierarchy(described)
    if ordered:
        await repository.write(ordered, hierarchy)
    return len(ordered)


def with_new_ids(source: Iterable[bytes]) -> Iterator[bytes]:
    """The same lines, whose records have other IDs, also where they are parents. Raises `ImportRefused`."""
    with tempfile.SpooledTemporaryFile(_MAX_IN_MEMORY) as spool:
        ids: dict[str, str] = {}
        for number, line in enumerate(source, 1):
            spool.write(line)
            values = lines.parse(number, line) if line.strip() else {}
            if isinstance(values.get("id"), str) and values.get("kind", "record") == "record":
                ids[values["id"].upper()] = str(new_ulid())
        spool.seek(0)
        for number, line in enumerate(spool, 1):
            values = lines.parse(number, line) if line.strip() else {}
            kind = values.get("kind", "record")
            for name in {"record": ("id", "parent_id"), "payload": ("record_id",)}.get(kind, ()):
                if isinstance(values.get(name), str):
                    values[name] = ids.get(values[name].upper(), values[name])
            yield lines.to_line(values) if values else line


def _parents_first(
    found: dict[ULID, tuple[int, NewRecord]], known: dict[ULID, int], hierarchy: ArtifactHierarchy
) -> list[NewRecord]:
    levels: dict[ULID, int] = dict(known)
    ordered: list[NewRecord] = []
    for id, (number, _) in found.items():
        # From the record up to one whose level is known, and down again.
        path: list[ULID] = []
        above: ULID | None = id
        while above is not None and above not in levels:
            if above not in found:
                raise lines.refused(found[path[-1]][0], f"there is no record {above} to be the parent")
            if len(path) > hierarchy.max_level + 1 or above in path:
                raise lines.refused(number, "the record is below itself, or below more levels than there may be")
            path.append(above)
            above = found[above][1].parent_id
        for below in reversed(path):
            line, record = found[below]
            levels[below] = 0 if record.parent_id is None else levels[record.parent_id] + 1
            try:
                hierarchy.require_level(levels[below])
            except errors.Invalid as error:
                raise lines.refused(line, error) from error
            ordered.append(record)
    return ordered
