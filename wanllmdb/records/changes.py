"""How a manager saves and moves: data is checked and made JSON, hooks are called, and the repository writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from ulid import ULID

from wanllmdb.records import nodes, objects, placeholders, typed_data
from wanllmdb.records.errors import InvalidData, RecordNotFound
from wanllmdb.records.ids import new_ulid
from wanllmdb.records.placeholders import Found
from wanllmdb.records.repository import UNSET, NewPayload, NewRecord, RecordUpdate, StoredRecord
from wanllmdb.records.schemas import ArtifactIn, ArtifactOut
from wanllmdb.records.threads import in_thread

if TYPE_CHECKING:
    from wanllmdb.records.manager import ArtifactManager

_FIELDS = ("data", "tags", "type", "parent_id", "level")
_MAX_TYPE = 64


@dataclass
class _Change:
    """One item on its way: `entity` is what hooks see and may change."""

    entity: ArtifactOut
    given: ArtifactIn
    existing: StoredRecord | None = None
    old_values: dict[str, Any] = field(default_factory=dict)
    json_data: Any = UNSET
    found: list[Found] = field(default_factory=list)
    payloads: list[NewPayload] = field(default_factory=list)


async def save(manager: ArtifactManager, items: Sequence[ArtifactIn]) -> list[ArtifactOut]:
    """Create and update records, all or none."""
    existing = await _find_existing(manager, items)
    planned: list[_Change] = []
    levels: dict[ULID, int] = {}
    for item in items:
        change = await _plan(manager, item, existing.get(item.id) if item.id else None, levels)
        levels[change.entity.id] = change.entity.level
        try:
            change.json_data, change.found = placeholders.split(change.entity.data)
        except placeholders.Unsuitable as error:
            raise InvalidData(str(error), status=400) from error
        require_valid(change.json_data)
        planned.append(change)
    if any(change.found for change in planned):
        # To pickle a model takes a while, in which others go on.
        await in_thread(_encode, planned)
    return await _write(manager, planned)


async def move(manager: ArtifactManager, id: ULID, parent_id: ULID | None) -> ArtifactOut:
    """Move a record with its subtree; its data and objects are neither read nor written."""
    found = await manager.repository.find([id])
    if not found:
        raise RecordNotFound(f"There is no record {id}", status=404)
    entity = nodes.to_out(found[0], found[0].data)
    entity.parent_id = parent_id
    given = ArtifactIn.model_construct({"id", "parent_id"}, id=id, data=found[0].data, parent_id=parent_id)
    change = _Change(entity, given, found[0], _values(nodes.to_out(found[0], found[0].data)))
    await manager.pre_update(entity, given, change.old_values)
    return (await _write(manager, [change]))[0]


def require_valid(data: Any) -> None:
    """Raise `InvalidData` for null, and for typed data that has not the shape of its type."""
    if data is None:
        raise InvalidData("The data of a record must not be null: use {} if there is none", status=400)
    problems = typed_data.find_problems(data)
    if problems:
        listed = "; ".join(f"{name}: {problem}" for name, problem in problems.items())
        raise InvalidData(f"This is not valid data of type {data['type']!r}: {listed}", problems, status=400)


async def _find_existing(manager: ArtifactManager, items: Sequence[ArtifactIn]) -> Mapping[ULID, StoredRecord]:
    ids = [item.id for item in items if item.id]
    return {record.id: record for record in await manager.repository.find(ids)} if ids else {}


async def _plan(
    manager: ArtifactManager, item: ArtifactIn, existing: StoredRecord | None, levels: Mapping[ULID, int]
) -> _Change:
    """The change, after its hook."""
    if existing is None:
        now = datetime.now(timezone.utc)
        entity = ArtifactOut.model_construct(
            id=item.id or new_ulid(),
            parent_id=item.parent_id,
            level=0,
            type=_type(item),
            data=item.data,
            tags=list(item.tags),
            created_at=now,
            updated_at=now,
        )
        if manager.is_overridden("pre_save"):
            entity.level = await _level(manager, entity.parent_id, levels)
            await manager.pre_save(entity, item)
        return _Change(entity, item)
    is_watched = manager.is_overridden("pre_update", "post_update")
    old_values = _values((await manager.to_out([existing], True))[0]) if is_watched else {}
    entity = nodes.to_out(existing, item.data)
    entity.type = _type(item)
    if "tags" in item.model_fields_set:
        entity.tags = list(item.tags)
    if "parent_id" in item.model_fields_set:
        entity.parent_id = item.parent_id
    if manager.is_overridden("pre_update"):
        if entity.parent_id != existing.parent_id:
            entity.level = await _level(manager, entity.parent_id, levels)
        await manager.pre_update(entity, item, old_values)
    return _Change(entity, item, existing, old_values)


def _type(item: ArtifactIn) -> str:
    if item.type is not None:
        return item.type
    name = item.data.get("type") if isinstance(item.data, dict) else None
    is_type = isinstance(name, str) and len(name) <= _MAX_TYPE and placeholders.is_plain_text(name)
    return str(name) if is_type else ""


async def _level(manager: ArtifactManager, parent_id: ULID | None, levels: Mapping[ULID, int]) -> int:
    if parent_id is None:
        return 0
    if parent_id in levels:
        return levels[parent_id] + 1
    parents = await manager.repository.find([parent_id])
    if not parents:
        raise RecordNotFound(f"There is no record {parent_id} to be the parent", status=404)
    return parents[0].level + 1


def _encode(planned: Sequence[_Change]) -> None:
    for change in planned:
        change.payloads = objects.encode(change.found)


async def _write(manager: ArtifactManager, planned: Sequence[_Change]) -> list[ArtifactOut]:
    stored = await manager.repository.write([_instruction(change) for change in planned], manager.rules)
    saved = []
    for change, record in zip(planned, stored, strict=True):
        if change.json_data is UNSET:
            data = record.data
        else:
            # The objects that were given, where they will be found.
            data = objects.restore(change.json_data, [(found.pointer, found.value) for found in change.found])
        saved.append(nodes.to_out(record, data))
    for change, entity in zip(planned, saved, strict=True):
        if change.existing is None:
            await manager.post_save(entity)
        elif manager.is_overridden("post_update"):
            await manager.post_update(entity, _differences(change.old_values, _values(entity)))
    return saved


def _instruction(change: _Change) -> NewRecord | RecordUpdate:
    entity = change.entity
    if change.existing is None:
        return NewRecord(
            data=change.json_data,
            parent_id=entity.parent_id,
            type=entity.type,
            tags=entity.tags,
            payloads=change.payloads,
            id=entity.id,
        )
    return RecordUpdate(
        id=entity.id,
        data=change.json_data,
        payloads=change.payloads,
        parent_id=UNSET if entity.parent_id == change.existing.parent_id else entity.parent_id,
        type=entity.type,
        tags=entity.tags,
    )


def _values(entity: ArtifactOut) -> dict[str, Any]:
    return {name: getattr(entity, name) for name in _FIELDS}


def _differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    return {name: (old[name], new[name]) for name in _FIELDS if not _is_equal(old[name], new[name])}


def _is_equal(old: Any, new: Any) -> bool:
    try:
        return old is new or bool(old == new)
    except Exception:  # arrays and frames compare member by member
        return False
