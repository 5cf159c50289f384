"""The verbs of records: create, update, move, delete.

Whoever adds, moves or deletes records of a hierarchy holds the lock of its row, so that levels and counts are right and
no two moves make a cycle together. The database's constraints keep levels and parents besides.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Case, F, Max, QuerySet, Value, When
from django.utils import timezone

from accounts.actor import Actor
from core import straight_deletes
from core.validators import validate_tags
from hierarchies import access, errors, levels, record_data, trees, ulids
from hierarchies.models import Hierarchy, Operation, Record, RecordTag
from hierarchies.models.ulid_field import UlidField

MAX_RECORDS_A_CALL = 1_000
_MAX_IDS_IN_ERROR = 5


@dataclass(frozen=True, slots=True)
class RecordSpec:
    """A record to be made. `parent_id` is an id, `#3` for the fourth of the same call, or None for a root.

    `type` is what the data names where it is empty. Without `id` it gets one.
    """

    data: Any
    parent_id: str | None = None
    type: str = ""
    tags: Sequence[str] = ()
    id: str | None = None


@dataclass(frozen=True, slots=True)
class _Draft:
    """A checked spec: all but its level, which the parent has."""

    spec: RecordSpec
    id: str
    parent_id: str | None
    prepared: record_data.Prepared
    tags: list[str] = field(default_factory=list)


def get(hierarchy: Hierarchy, record_id: str) -> Record:
    """The record of that id, which can be written in lower case. Raises `InvalidUlid`, `RecordNotFound`."""
    pk = ulids.parse(record_id)
    record = hierarchy.records.for_display().filter(pk=pk).first()
    if record is None:
        raise _not_found(hierarchy, pk)
    record.hierarchy = hierarchy
    return record


def create(actor: Actor, hierarchy: Hierarchy, spec: RecordSpec) -> Record:
    """A new record. Raises what `create_many` raises."""
    return create_many(actor, hierarchy, [spec])[0]


def create_many(actor: Actor, hierarchy: Hierarchy, specs: Sequence[RecordSpec]) -> list[Record]:
    """New records, in this order: all of them or none. Parents may be in the same call, in any order.

    Raises `InvalidData`, `InvalidUlid`, `RecordNotFound` for an unknown parent, `LevelRefused`, `IdTaken`.
    """
    access.require(actor, hierarchy, Operation.CREATE)
    if len(specs) > MAX_RECORDS_A_CALL:
        raise errors.Invalid(f"At most {MAX_RECORDS_A_CALL:,} records are created in one call.")
    return _insert(actor, hierarchy, _draft(specs))


@transaction.atomic
def update(
    actor: Actor, record: Record, *, data: Any = None, type: str | None = None, tags: Iterable[str] | None = None
) -> Record:
    """Replace data, type or tags; what is None stays as it is. Raises `InvalidData`, `RecordNotFound`."""
    access.require(actor, record.hierarchy, Operation.UPDATE)
    row = _lock(record)
    if data is not None or type is not None:
        prepared = record_data.prepare(row.data if data is None else data, type or "")
        row.data, row.type, row.data_size = prepared.row_data, prepared.type, len(prepared.json)
    if tags is not None:
        row.tags = _check_tags(tags)
        row.tag_set.all().delete()
        RecordTag.objects.bulk_create(RecordTag(record=row, hierarchy=row.hierarchy, tag=tag) for tag in row.tags)
    row.updated_at = timezone.now()
    row.save(update_fields=["data", "type", "data_size", "tags", "updated_at"])
    return row


@transaction.atomic
def move(actor: Actor, record: Record, parent_id: str | None) -> Record:
    """Put the record, with all below it, under another parent, or among the roots for None.

    Raises `MoveRefused` where that parent is the record itself or below it, `LevelRefused`, `RecordNotFound`.
    """
    access.require(actor, record.hierarchy, Operation.UPDATE)
    hierarchy = lock(record.hierarchy)
    row = _lock(record)
    parent = _find_parent(hierarchy, parent_id)
    if parent and (parent.pk == row.pk or any(above.pk == row.pk for above in trees.ancestors(parent))):
        place = "itself" if parent.pk == row.pk else f"{parent.pk}, which is below it"
        raise errors.MoveRefused(f"Record {row.pk} cannot be moved under {place}.")
    if row.parent_id == (parent.pk if parent else None):
        return row
    below = Record.objects.filter(pk__in=trees.ids_of_subtrees(row.pk))
    level = parent.level + 1 if parent else 0
    if level != row.level:
        _check_levels_of_subtree(hierarchy, below, level - row.level)
    # In one statement: a row of a wrong level is refused at once, and a wrong parent at the end of the transaction.
    below.update(
        level=F("level") + (level - row.level),
        parent=Case(
            When(pk=row.pk, then=Value(parent.pk if parent else None, UlidField(null=True))), default=F("parent")
        ),
        updated_at=Case(When(pk=row.pk, then=Value(timezone.now())), default=F("updated_at")),
    )
    return get(hierarchy, row.pk)


@transaction.atomic
def delete(actor: Actor, record: Record) -> None:
    """Delete one record. Raises `HasChildren` where there are some below it, `RecordNotFound`."""
    access.require(actor, record.hierarchy, Operation.DELETE)
    hierarchy = lock(record.hierarchy)
    row = _lock(record)
    count = row.children.count()
    if count:
        children = "a record" if count == 1 else f"{count:,} records"
        raise errors.HasChildren(
            f"Record {row.pk} has {children} below it: delete or move these first.", children=count
        )
    _delete_rows(hierarchy, Record.objects.filter(pk=row.pk))


@transaction.atomic
def delete_subtree(actor: Actor, record: Record) -> int:
    """Delete the record with all below it; returns how many records that were."""
    access.require(actor, record.hierarchy, Operation.DELETE)
    hierarchy = lock(record.hierarchy)
    row = _lock(record)
    return _delete_rows(hierarchy, Record.objects.filter(pk__in=trees.ids_of_subtrees(row.pk)))


@transaction.atomic
def delete_many(actor: Actor, hierarchy: Hierarchy, record_ids: Sequence[str], *, is_recursive: bool = False) -> int:
    """Delete these records, all or none; returns how many. Children may go in the same call as their parents, and with
    `is_recursive` do.

    Raises `RecordNotFound`, and `HasChildren` where one has children that are not among them.
    """
    access.require(actor, hierarchy, Operation.DELETE)
    pks = list(dict.fromkeys(map(ulids.parse, record_ids)))
    if len(pks) > MAX_RECORDS_A_CALL:
        raise errors.Invalid(f"At most {MAX_RECORDS_A_CALL:,} records are deleted in one call.")
    hierarchy = lock(hierarchy)
    doomed = hierarchy.records.filter(pk__in=pks)
    present = set(doomed.values_list("pk", flat=True))
    for pk in pks:
        if pk not in present:
            raise _not_found(hierarchy, pk)
    if is_recursive:
        return _delete_rows(hierarchy, Record.objects.filter(pk__in=trees.ids_of_subtrees(*pks)))
    parents = Record.objects.filter(parent__in=pks).exclude(pk__in=pks).values_list("parent", flat=True)
    blocking = sorted(set(parents))[:_MAX_IDS_IN_ERROR]
    if blocking:
        message = f"There are records below {', '.join(blocking)} that would stay: delete or move these first."
        raise errors.HasChildren(message, records=blocking)
    return _delete_rows(hierarchy, doomed)


def lock(hierarchy: Hierarchy) -> Hierarchy:
    """The hierarchy as it is now, under the lock that everybody holds who changes what is in it.

    Raises `HierarchyNotFound` where it was deleted meanwhile.
    """
    row = Hierarchy.objects.select_for_update(no_key=True).filter(pk=hierarchy.pk).first()
    if row is None:
        raise errors.HierarchyNotFound(f"The hierarchy {hierarchy.name!r} was deleted.")
    row.project = hierarchy.project
    return row


def delete_all(hierarchy: Hierarchy) -> int:
    """Delete every record of a hierarchy whose lock the caller holds; returns how many."""
    return _delete_rows(hierarchy, hierarchy.records.all())


def _draft(specs: Sequence[RecordSpec]) -> list[_Draft]:
    ids = [ulids.parse(spec.id) if spec.id else ulids.new() for spec in specs]
    if len(set(ids)) < len(ids):
        raise errors.IdTaken("Two records of the call have the same id.")
    return [
        _Draft(
            spec,
            ids[nth],
            _parent_of(spec, ids),
            record_data.prepare(spec.data, spec.type),
            _check_tags(spec.tags),
        )
        for nth, spec in enumerate(specs)
    ]


def _parent_of(spec: RecordSpec, ids: Sequence[str]) -> str | None:
    if spec.parent_id is None or not spec.parent_id.startswith("#"):
        return None if spec.parent_id is None else ulids.parse(spec.parent_id)
    place = spec.parent_id[1:]
    if not (place.isascii() and place.isdigit() and int(place[:9]) < len(ids)):
        raise errors.Invalid(f"parent_id: {spec.parent_id!r} is not one of the {len(ids)} records of this call.")
    return ids[int(place)]


@transaction.atomic
def _insert(actor: Actor, hierarchy: Hierarchy, drafts: Sequence[_Draft]) -> list[Record]:
    hierarchy = lock(hierarchy)
    parents = {draft.id: draft.parent_id for draft in drafts}
    outside = set(parents.values()) - parents.keys() - {None}
    known = dict(hierarchy.records.filter(pk__in=outside).values_list("pk", "level"))
    missing = sorted(outside - known.keys())
    if missing:
        raise _not_found(hierarchy, missing[0], "Parent")
    found = levels.assign(parents, known)
    for level in sorted(set(found.values())):
        levels.check(hierarchy, level)
    now, user = timezone.now(), access.person(actor)
    rows = [
        Record(
            id=draft.id,
            hierarchy=hierarchy,
            parent_id=draft.parent_id,
            level=found[draft.id],
            type=draft.prepared.type,
            data=draft.prepared.row_data,
            data_size=len(draft.prepared.json),
            tags=draft.tags,
            created_by=user,
            created_at=now,
            updated_at=now,
        )
        for draft in drafts
    ]
    taken = Record.objects.filter(pk__in=[draft.id for draft in drafts if draft.spec.id]).values_list("pk", flat=True)
    if taken := list(taken[:_MAX_IDS_IN_ERROR]):
        raise errors.IdTaken(f"There is a record {taken[0]} already.", records=taken)
    Record.objects.bulk_create(rows)
    RecordTag.objects.bulk_create(
        RecordTag(record=row, hierarchy=hierarchy, tag=tag) for row in rows for tag in row.tags
    )
    _count(hierarchy, len(rows))
    return rows


def _delete_rows(hierarchy: Hierarchy, doomed: QuerySet[Record]) -> int:
    """Straight deletes from what belongs to them up: a parent may go before its children, in the same transaction."""
    straight_deletes.delete(RecordTag.objects.filter(record__in=doomed.order_by().values("pk")))
    count = straight_deletes.delete(doomed)
    _count(hierarchy, -count)
    return count


def _count(hierarchy: Hierarchy, more: int) -> None:
    hierarchy.record_count += more
    hierarchy.save(update_fields=["record_count", "updated_at"])


def _lock(record: Record) -> Record:
    """The record as it is now, under a row lock; somebody may have deleted it meanwhile."""
    row = Record.objects.select_for_update(no_key=True).filter(pk=record.pk).first()
    if row is None:
        raise _not_found(record.hierarchy, record.pk)
    row.hierarchy = record.hierarchy
    return row


def _find_parent(hierarchy: Hierarchy, parent_id: str | None) -> Record | None:
    if parent_id is None:
        return None
    pk = ulids.parse(parent_id)
    parent = hierarchy.records.filter(pk=pk).first()
    if parent is None:
        raise _not_found(hierarchy, pk, "Parent")
    return parent


def _check_levels_of_subtree(hierarchy: Hierarchy, below: QuerySet[Record], shift: int) -> None:
    deepest = below.aggregate(deepest=Max("level"))["deepest"] + shift
    if hierarchy.enforce_levels or deepest > levels.MAX_LEVEL:
        for level in sorted(below.order_by().values_list("level", flat=True).distinct()):
            levels.check(hierarchy, level + shift)


def _check_tags(tags: Iterable[str]) -> list[str]:
    try:
        if isinstance(tags, (str, Mapping)) or not all(isinstance(tag, str) for tag in tags):
            raise ValidationError("Give a list of texts.")
        return validate_tags(tags)
    except ValidationError as error:
        raise errors.Invalid(f"tags: {error.messages[0]}", errors={"tags": error.messages}) from error


def _not_found(hierarchy: Hierarchy, pk: str, what: str = "Record") -> errors.RecordNotFound:
    return errors.RecordNotFound(f"{what} {pk} not found in the hierarchy {hierarchy.name!r}.")
