"""Reading records from a connection: rows as `StoredRecord`, with what is known of their payloads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from wanllmdb.records.ids import parse, to_text
from wanllmdb.records.repository import PayloadInfo, StoredRecord
from wanllmdb.records.statements import PAYLOAD_COLUMNS, RECORD_COLUMNS, artifacts, payloads

# Below what one statement of SQLite takes as parameters.
_MAX_IDS = 900

T = TypeVar("T")


async def find(connection: AsyncConnection, ids: Sequence[str]) -> list[StoredRecord]:
    found: dict[str, StoredRecord] = {}
    for chunk in chunks(list(dict.fromkeys(ids))):
        query = select(*RECORD_COLUMNS).where(artifacts.c.id.in_(chunk))
        found.update((to_text(record.id), record) for record in await fetch(connection, query))
    return [found[id] for id in ids if id in found]


async def fetch(connection: AsyncConnection, query: Any) -> list[StoredRecord]:
    """The records of a query, with what is known of their payloads: two queries at most, one if there are none."""
    rows = (await connection.execute(query)).all()
    infos: dict[str, list[PayloadInfo]] = {}
    for chunk in chunks([row.id for row in rows if row.payload_count]):
        of_chunk = select(*PAYLOAD_COLUMNS).where(payloads.c.artifact_id.in_(chunk)).order_by(payloads.c.pointer)
        for row in await connection.execute(of_chunk):
            values = dict(row._mapping)
            record_id = values.pop("artifact_id")
            infos.setdefault(record_id, []).append(PayloadInfo(record_id=parse(record_id), **values))
    return [
        StoredRecord(
            parse(row.id),
            parse(row.parent_id) if row.parent_id else None,
            row.level,
            row.type,
            row.data,
            tuple(row.tags),
            row.created_at,
            row.updated_at,
            tuple(infos.get(row.id, ())),
        )
        for row in rows
    ]


async def count(connection: AsyncConnection, meets: ColumnElement[bool]) -> int:
    return int((await connection.execute(select(func.count()).select_from(artifacts).where(meets))).scalar_one())


def chunks(items: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), _MAX_IDS):
        yield items[start : start + _MAX_IDS]
