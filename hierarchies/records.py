"""The verbs of records: create, update, move, delete.

Whoever adds, moves or deletes records of a hierarchy holds the lock of its row, so that levels and counts are right and
no two moves make a cycle together. The database's constraints keep levels and parents besides.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Case, F, Max, QuerySet, Value, When
from django.utils import timezone

from accounts.actor import Actor
from accounts.models import User
from core import straight_deletes
from hierarchies import access, artifact_references, errors, levels, record_specs, trees, ulids
from hierarchies import payloads as payload_verbs
from hierarchies.models import Hierarchy, Operation, Record, RecordPayload, RecordReference, RecordTag
from hierarchies.models.ulid_field import UlidField
from hierarchies.record_specs import Draft, PayloadSpec, RecordSpec, Upload

__all__ = [
    "UNCHANGED",
    "PayloadSpec",
    "RecordSpec",
    "create",
    "create_many",
    "delete",
    "delete_all",
    "delete_many",
    "delete_subtree",
    "get",
    "lock",
    "move",
    "save",
    "update",
]

MAX_RECORDS_A_CALL = 1_000
_MAX_IDS_IN_ERROR = 5
# Of a parent, where None means that there is none.
UNCHANGED: Any = object()


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
    drafts = record_specs.draft_all(specs)
    payload_verbs.gather(actor, hierarchy, drafts)
    return _insert(actor, hierarchy, drafts)


def update(
    actor: Actor,
    record: Record,
    *,
    data: Any = None,
    type: str = "",
    tags: Iterable[str] | None = None,
    payloads: Sequence[PayloadSpec] | None = None,
    parent_id: str | None = UNCHANGED,
) -> Record:
    """Replace data and tags; what is None stays as it is. With data comes its type, which the data may name itself.

    With `parent_id` it is moved as well, as by `move`: all of that or nothing. `payloads` are all that the record has
    from then on, new uploads and its own by their ids. Without them, it keeps those that the data has a placeholder
    for. Raises what `create` raises.
    """
    access.require(actor, record.hierarchy, Operation.UPDATE)
    if data is None and (payloads is not None or type):
        raise errors.InvalidData("Payloads and types are parts of the data: send `data` with them.")
    tags = None if tags is None else record_specs.check_tags(tags)
    draft, kept = (None, []) if data is None else _draft_update(record, data, type, payloads)
    if draft:
        payload_verbs.gather(actor, record.hierarchy, [draft])
    with transaction.atomic():
        if parent_id is not UNCHANGED:
            move(actor, record, parent_id)
        return _save_data(actor, record, draft, kept, tags) if draft else _save_tags(record, tags)


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
    count = hierarchy.records.filter(parent=row).count()
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
    if not pks:
        return 0
    doomed = hierarchy.records.filter(pk__in=pks)
    present = set(doomed.values_list("pk", flat=True))
    for pk in pks:
        if pk not in present:
            raise _not_found(hierarchy, pk)
    if is_recursive:
        return _delete_rows(hierarchy, Record.objects.filter(pk__in=trees.ids_of_subtrees(*pks)))
    # The index of children begins with the hierarchy.
    parents = hierarchy.records.filter(parent__in=pks).exclude(pk__in=pks).order_by().values_list("parent", flat=True)
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


@transaction.atomic
def _insert(actor: Actor, hierarchy: Hierarchy, drafts: Sequence[Draft]) -> list[Record]:
    hierarchy = lock(hierarchy)
    parents = {draft.id: draft.parent_id for draft in drafts}
    outside = {pk for pk in parents.values() if pk is not None} - parents.keys()
    known = dict(hierarchy.records.filter(pk__in=outside).values_list("pk", "level"))
    missing = sorted(outside - known.keys())
    if missing:
        raise _not_found(hierarchy, missing[0], "Parent")
    found = levels.assign(parents, known)
    for level in sorted(set(found.values())):
        levels.check(hierarchy, level)
    taken = Record.objects.filter(pk__in=[draft.id for draft in drafts if draft.has_own_id])
    if taken := list(taken.values_list("pk", flat=True)[:_MAX_IDS_IN_ERROR]):
        raise errors.IdTaken(f"There is a record {taken[0]} already.", records=taken)
    return save(actor, hierarchy, drafts, found)


def save(
    actor: Actor, hierarchy: Hierarchy, drafts: Sequence[Draft], levels: Mapping[str, int], *, is_strict: bool = True
) -> list[Record]:
    """Save checked drafts, whose bytes are in the store and whose levels are these, under the hierarchy's lock.

    Parents may come later in the same transaction. Unless `is_strict`, references to nothing stay texts. Raises
    `PayloadNotFound`, `InvalidData`.
    """
    now, user = timezone.now(), access.person(actor)
    rows = [_new_record(hierarchy, draft, levels[draft.id], now, user) for draft in drafts]
    Record.objects.bulk_create(rows)
    _add_tags(hierarchy, rows)
    payload_verbs.attach(actor, hierarchy, drafts)
    references = {draft.id: draft.prepared.references for draft in drafts if draft.prepared.references}
    artifact_references.attach(actor, hierarchy, references, is_strict=is_strict)
    for row in rows:
        hierarchy.count_created(row.level, 1, row.data_size)
    _count(hierarchy, len(rows))
    return rows


def delete_all(hierarchy: Hierarchy) -> int:
    """Delete every record of a hierarchy whose lock the caller holds; returns how many."""
    return _delete_rows(hierarchy, hierarchy.records.all())


def _new_record(hierarchy: Hierarchy, draft: Draft, level: int, now: datetime, user: User | None) -> Record:
    return Record(
        id=draft.id,
        hierarchy=hierarchy,
        parent_id=draft.parent_id,
        level=level,
        type=draft.prepared.type,
        data=draft.prepared.row_data,
        data_size=draft.prepared.size,
        tags=draft.tags,
        created_by=user,
        created_at=draft.created_at or now,
        updated_at=draft.updated_at or now,
    )


def _draft_update(
    record: Record, data: Any, type: str, payloads: Sequence[PayloadSpec] | None
) -> tuple[Draft, list[UUID]]:
    """The new data, and which of the payloads that the record has it keeps."""
    if payloads is None:
        kept = payload_verbs.kept_payloads(record, data)
        return Draft(record.pk, record.parent_id, record_specs.prepare(data, type, []), [], []), kept
    own = {row.pk: row for row in record.payloads.exclude(kind=RecordPayload.Kind.DATA)}
    uploads = [
        Upload(pk, payload_verbs.moved(own[pk], spec.pointer) if pk in own else spec)
        for pk, spec in record_specs.check_payloads(payloads)
    ]
    kept = [pk for pk, _ in uploads if pk in own]
    if len(set(kept)) < len(kept):
        raise errors.InvalidData("A payload that the record has is named twice: send its bytes once more.")
    prepared = record_specs.prepare(data, type, [spec for _, spec in uploads])
    return Draft(record.pk, record.parent_id, prepared, [], uploads), kept


@transaction.atomic
def _save_data(actor: Actor, record: Record, draft: Draft, kept: Sequence[UUID], tags: list[str] | None) -> Record:
    row = _lock(record)
    row.data, row.type, row.data_size = draft.prepared.row_data, draft.prepared.type, draft.prepared.size
    row.updated_at = timezone.now()
    row.save(update_fields=["data", "type", "data_size", "updated_at"])
    payload_verbs.replace(actor, row, draft, kept)
    artifact_references.release(row.references.all())
    artifact_references.attach(actor, row.hierarchy, {row.pk: draft.prepared.references})
    return row if tags is None else _save_tags(row, tags)


@transaction.atomic
def _save_tags(record: Record, tags: list[str] | None) -> Record:
    row = _lock(record)
    if tags is not None:
        row.tags, row.updated_at = tags, timezone.now()
        row.save(update_fields=["tags", "updated_at"])
        row.tag_set.all().delete()
        _add_tags(row.hierarchy, [row])
    return row


def _add_tags(hierarchy: Hierarchy, rows: Iterable[Record]) -> None:
    RecordTag.objects.bulk_create(
        RecordTag(record=row, hierarchy=hierarchy, tag=tag) for row in rows for tag in row.tags
    )


def _delete_rows(hierarchy: Hierarchy, doomed: QuerySet[Record]) -> int:
    """Straight deletes from what belongs to them up: a parent may go before its children, in the same transaction."""
    pks = doomed.order_by().values("pk")
    payload_verbs.release(RecordPayload.objects.filter(record__in=pks))
    artifact_references.release(RecordReference.objects.filter(record__in=pks))
    straight_deletes.delete(RecordTag.objects.filter(record__in=pks))
    count = straight_deletes.delete(doomed)
    _count(hierarchy, -count)
    return count


def _count(hierarchy: Hierarchy, more: int) -> None:
    hierarchy.record_count += more
    hierarchy.save(update_fields=["record_count", "created_totals", "updated_at"])


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


def _not_found(hierarchy: Hierarchy, pk: str, what: str = "Record") -> errors.RecordNotFound:
    return errors.RecordNotFound(f"{what} {pk} not found in the hierarchy {hierarchy.name!r}.")
