"""How the records of an archive come back, with their ids, times, tags and payloads."""

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple
from uuid import UUID

from django.utils import timezone

from accounts.actor import Actor
from accounts.models import User
from artifacts import storage
from artifacts.content import verification
from artifacts.models import Blob
from hierarchies import archives, errors, imports
from hierarchies.models import Hierarchy, Record, RecordArchive


class Restored(NamedTuple):
    """How many records came back, and how many are there already."""

    restored: int
    skipped: int


@dataclass(slots=True)
class _Contents:
    """Of the records in an archive their parents, and by who made them their ids."""

    parents: dict[str, str | None] = field(default_factory=dict)
    made_by: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))


def restore(actor: Actor, archive: RecordArchive) -> Restored:
    """Put the records of an archive, loaded with its hold, blob and object, back under the parents that they had.

    Those whose ids are there already stay as they are, so to restore twice does no harm. All others come back, or
    none: raises `Conflict` where a parent is not there, and what `imports.run` raises. For admins of the team, also
    where imports are switched off.
    """
    archives.require_access(actor, archive.hierarchy)
    hierarchy, contents = archive.hierarchy, _contents(archive)
    present = set(hierarchy.records.filter(pk__in=contents.parents).values_list("pk", flat=True))
    missing = {pk: parent for pk, parent in contents.parents.items() if pk not in present}
    _require_parents(hierarchy, missing)
    if missing:
        _verify_held(archive)
        imports.run(replace(actor, is_staff=True), hierarchy, _lines_of(archive, missing.keys()))
        _put_creators_back(contents, list(missing))
    RecordArchive.objects.filter(pk=archive.pk).update(restored_at=timezone.now())
    return Restored(len(missing), len(present))


def _verify_held(archive: RecordArchive) -> None:
    """Others may refer to bytes by their hash only once these are known to have it, which a worker may not know yet."""
    unread = Blob.objects.unverified().filter(holds__archived_payload__archive=archive)
    for object_id in unread.order_by().values_list("object", flat=True).distinct():
        verification.hash_object(str(object_id))


def _contents(archive: RecordArchive) -> _Contents:
    found = _Contents()
    for _, values in _lines(archive):
        if values["kind"] == "record":
            found.parents[values["id"]] = values["parent_id"]
            if values["created_by"]:
                found.made_by[values["created_by"]].append(values["id"])
    return found


def _lines_of(archive: RecordArchive, ids: Any) -> Iterator[bytes]:
    for line, values in _lines(archive):
        if values.get("id" if values["kind"] == "record" else "record_id") in ids:
            yield line


def _lines(archive: RecordArchive) -> Iterator[tuple[bytes, dict[str, Any]]]:
    for line in imports.split_lines(storage.download_file(archive.key)):
        if line:
            yield line, json.loads(line)


def _require_parents(hierarchy: Hierarchy, records: dict[str, str | None]) -> None:
    parents = {parent for parent in records.values() if parent} - records.keys()
    present = set(hierarchy.records.filter(pk__in=parents).values_list("pk", flat=True))
    if gone := sorted(parents - present):
        raise errors.Conflict(
            f"Record {gone[0]}, the parent of some of these, is not there any more: restore the archive that has it "
            "first, which is a later one.",
            parents=gone[:5],
        )


def _put_creators_back(contents: _Contents, ids: list[str]) -> None:
    """Where that user is still there."""
    users = set(User.objects.filter(pk__in=map(UUID, contents.made_by)).values_list("pk", flat=True))
    Record.objects.filter(pk__in=ids).update(created_by=None)
    for made_by, own in contents.made_by.items():
        if UUID(made_by) in users:
            Record.objects.filter(pk__in=set(own).intersection(ids)).update(created_by=made_by)
