"""Creating and updating records of a local database, within one transaction."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime, timezone
from typing import Any

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection
from ulid import ULID

from wanllmdb.records import errors, record_rows, statements
from wanllmdb.records.hierarchy import ArtifactHierarchy
from wanllmdb.records.ids import new_ulid, parse, to_text
from wanllmdb.records.repository import (
    UNSET,
    NewPayload,
    NewRecord,
    PayloadInfo,
    RecordUpdate,
    StoredRecord,
    Unset,
)
from wanllmdb.records.statements import artifacts, payloads
from wanllmdb.sdk.errors import TooLarge

MAX_PAYLOAD = 1_000_000_000
# How SQLite and PostgreSQL name what keeps IDs unique.
_ID_TAKEN = ("artifacts.id", "artifacts_pkey", "artifact_id_level_unique")


class RecordWrites:
    """Creates and updates records in one transaction. What it creates it inserts many rows at a time."""

    def __init__(self, connection: AsyncConnection, hierarchy: ArtifactHierarchy) -> None:
        self._connection = connection
        self._hierarchy = hierarchy
        self._now = datetime.now(timezone.utc)
        self._levels: dict[ULID, int] = {}
        self._texts: dict[ULID, str] = {}
        self._rows: list[dict[str, Any]] = []
        self._payload_rows: list[dict[str, Any]] = []

    async def write(self, writes: Sequence[NewRecord | RecordUpdate]) -> list[StoredRecord]:
        await self._load_levels(writes)
        stored = []
        for item in writes:
            stored.append(self._create(item) if isinstance(item, NewRecord) else await self._update(item))
        await self._flush()
        return stored

    async def _load_levels(self, writes: Iterable[NewRecord | RecordUpdate]) -> None:
        parents = {str(item.parent_id) for item in writes if item.parent_id and not isinstance(item.parent_id, Unset)}
        await self._read_levels(sorted(parents))

    async def _read_levels(self, ids: Sequence[str]) -> None:
        for chunk in record_rows.chunks(ids):
            query = select(artifacts.c.id, artifacts.c.level).where(artifacts.c.id.in_(chunk))
            for row in await self._connection.execute(query):
                id = parse(row.id)
                self._levels[id], self._texts[id] = row.level, row.id

    def _create(self, record: NewRecord) -> StoredRecord:
        level = self._level_below(record.parent_id)
        self._hierarchy.require_level(level)
        created_at = record.created_at or self._now
        record_id = record.id or new_ulid()
        stored = StoredRecord(
            id=record_id,
            parent_id=record.parent_id,
            level=level,
            type=record.type,
            data=record.data,
            tags=tuple(record.tags),
            created_at=created_at,
            updated_at=record.updated_at or created_at,
            payloads=self._add_payloads(record_id, record.payloads),
        )
        text = to_text(record_id)
        self._levels[record_id], self._texts[record_id] = level, text
        self._rows.append(
            {
                "id": text,
                "parent_id": self._texts[record.parent_id] if record.parent_id else None,
                "level": level,
                "type": record.type,
                "data": record.data,
                "tags": list(record.tags),
                "payload_count": len(record.payloads),
                "created_at": created_at,
                "updated_at": stored.updated_at,
            }
        )
        return stored

    async def _update(self, change: RecordUpdate) -> StoredRecord:
        await self._flush()
        record_id = str(change.id)
        # Two who change the same record take turns.
        await self._connection.execute(select(artifacts.c.id).where(artifacts.c.id == record_id).with_for_update())
        current = await record_rows.find(self._connection, [record_id])
        if not current:
            raise errors.RecordNotFound(f"There is no record {record_id}", status=404)
        values: dict[str, Any] = {"updated_at": self._now}
        if not isinstance(change.type, Unset):
            values["type"] = change.type
        if not isinstance(change.tags, Unset):
            values["tags"] = list(change.tags)
        if change.data is not UNSET:
            values |= {"data": change.data, "payload_count": len(change.payloads)}
            await self._connection.execute(delete(payloads).where(payloads.c.artifact_id == record_id))
            self._add_payloads(change.id, change.payloads)
            await self._flush()
        if not isinstance(change.parent_id, Unset) and change.parent_id != current[0].parent_id:
            await self._move(current[0], change.parent_id)
        await self._connection.execute(update(artifacts).where(artifacts.c.id == record_id).values(values))
        return (await record_rows.find(self._connection, [record_id]))[0]

    async def _move(self, record: StoredRecord, parent_id: ULID | None) -> None:
        record_id = str(record.id)
        if parent_id == record.id:
            raise errors.MoveRefused(f"Record {record_id} cannot be moved under itself", status=400)
        level = self._level_below(parent_id)
        if parent_id:
            path = statements.ancestor_ids(str(parent_id))
            if (await self._connection.execute(select(path.c.id).where(path.c.id == record_id))).first():
                raise errors.MoveRefused(
                    f"Record {record_id} cannot be moved under its own descendant {parent_id}", status=400
                )
        by = level - record.level
        tree = statements.subtree_ids(record_id)
        deepest = (await self._connection.execute(select(func.max(tree.c.depth)))).scalar_one()
        self._hierarchy.require_level(level + deepest)
        await self._connection.execute(
            statements.move_subtree(record_id, str(parent_id) if parent_id else None, by, self._now)
        )
        if by:
            # Levels of the subtree that later records of this call may be below of.
            await self._read_levels(list(self._texts.values()))

    def _level_below(self, parent_id: ULID | None) -> int:
        if parent_id is None:
            return 0
        if parent_id not in self._levels:
            raise errors.RecordNotFound(f"There is no record {parent_id} to be the parent", status=404)
        return self._levels[parent_id] + 1

    def _add_payloads(self, record_id: ULID, new: Sequence[NewPayload]) -> tuple[PayloadInfo, ...]:
        infos = []
        for payload in new:
            if len(payload.content) > MAX_PAYLOAD:
                raise TooLarge(f"The value at {payload.pointer!r} is larger than the 1 GB that a database keeps of one")
            info = PayloadInfo(
                id=uuid.uuid4().hex,
                record_id=record_id,
                pointer=payload.pointer,
                kind=payload.kind,
                content_type=payload.content_type,
                size=len(payload.content),
                sha256=hashlib.sha256(payload.content).hexdigest(),
                type=payload.type,
                module=payload.module,
                repr=payload.repr,
                error=payload.error,
                signature=payload.signature,
            )
            row = {name: value for name, value in vars(info).items() if name != "record_id"}
            self._payload_rows.append({**row, "artifact_id": str(record_id), "content": payload.content})
            infos.append(info)
        return tuple(sorted(infos, key=lambda info: info.pointer))

    async def _flush(self) -> None:
        if self._rows:
            try:
                await self._connection.execute(insert(artifacts), self._rows)
            except IntegrityError as error:
                if not any(name in str(error.orig) for name in _ID_TAKEN):
                    raise
                which = self._rows[0]["id"] if len(self._rows) == 1 else "of one of these IDs"
                raise errors.IdTaken(f"There is a record {which} already", status=409) from error
        if self._payload_rows:
            await self._connection.execute(insert(payloads), self._payload_rows)
        self._rows, self._payload_rows = [], []
