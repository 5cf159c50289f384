"""Records in a database of one's own: `ArtifactRepository`, on SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import ClassVar

from sqlalchemy import Connection, delete, insert, inspect, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession
from ulid import ULID

from wanllmdb.records import errors, record_rows, statements
from wanllmdb.records.databases import Database, EngineDatabase, SessionDatabase
from wanllmdb.records.hierarchy import ArtifactHierarchy
from wanllmdb.records.models import Base
from wanllmdb.records.record_writes import RecordWrites
from wanllmdb.records.repository import (
    ALL_RECORDS,
    MAX_PAGE_SIZE,
    UNSET,
    Filters,
    NewRecord,
    PayloadInfo,
    RecordUpdate,
    Repository,
    StoredRecord,
)
from wanllmdb.records.statements import RECORD_COLUMNS, artifacts, payloads
from wanllmdb.sdk.errors import Invalid

# Of records that are read one after the other.
_BATCH_SIZE = 500
_HIERARCHY = Base.metadata.tables["hierarchy"]


class ArtifactRepository(Repository):
    """Records in a SQLite or PostgreSQL database, whose tables exist.

    Made of a session of yours, as `ArtifactRepository(session)`: then each write commits the session. `connect` makes
    one with an engine of its own, and the tables.
    """

    loads_objects: ClassVar[bool] = True

    def __init__(self, source: AsyncSession | AsyncEngine) -> None:
        self._database: Database = (
            EngineDatabase(source) if isinstance(source, AsyncEngine) else SessionDatabase(source)
        )

    async def close(self) -> None:
        await self._database.close()

    async def create_tables(self) -> None:
        """Make the tables that do not exist yet. Raises `Invalid` if another program has one of the same name."""
        async with self._database.writing(alone=True) as connection:
            await connection.run_sync(_create_tables)

    # --- The hierarchy ------------------------------------------------------------------------------------------------

    async def find_hierarchy(self) -> ArtifactHierarchy | None:
        async with self._database.reading() as connection:
            row = (await connection.execute(select(_HIERARCHY))).one_or_none()
        if row is None:
            return None
        return ArtifactHierarchy(name=row.name, level_labels=row.level_labels, enforce_levels=row.enforce_levels)

    async def store_hierarchy(self, hierarchy: ArtifactHierarchy) -> None:
        """Store the name and the labels with the records, instead of those of before."""
        values = hierarchy.model_dump(mode="json")
        async with self._database.writing(alone=True) as connection:
            if (await connection.execute(update(_HIERARCHY).values(values))).rowcount == 0:
                await connection.execute(insert(_HIERARCHY).values(id=1, **values))

    # --- Writing ------------------------------------------------------------------------------------------------------

    async def write(
        self, writes: Sequence[NewRecord | RecordUpdate], hierarchy: ArtifactHierarchy
    ) -> list[StoredRecord]:
        moves = any(isinstance(item, RecordUpdate) and item.parent_id is not UNSET for item in writes)
        async with self._database.writing(alone=moves) as connection:
            return await RecordWrites(connection, hierarchy).write(writes)

    async def delete(self, ids: Sequence[ULID]) -> int:
        wanted = {str(id) for id in ids}
        async with self._database.writing(alone=True) as connection:
            for chunk in record_rows.chunks(sorted(wanted)):
                children = select(artifacts.c.id, artifacts.c.parent_id).where(artifacts.c.parent_id.in_(chunk))
                for child in await connection.execute(children):
                    if child.id not in wanted:
                        raise await _has_children(connection, child.parent_id)
            return await _delete(connection, sorted(wanted))

    async def delete_subtree(self, id: ULID) -> int:
        async with self._database.writing(alone=True) as connection:
            tree = await connection.execute(select(statements.subtree_ids(str(id)).c.id))
            return await _delete(connection, [row.id for row in tree])

    # --- Reading ------------------------------------------------------------------------------------------------------

    async def find(self, ids: Sequence[ULID]) -> list[StoredRecord]:
        async with self._database.reading() as connection:
            return await record_rows.find(connection, [str(id) for id in ids])

    async def find_all(self, filters: Filters = ALL_RECORDS) -> list[StoredRecord]:
        async with self._database.reading() as connection:
            meets = statements.meets(filters, connection.dialect)
            return await record_rows.fetch(connection, select(*RECORD_COLUMNS).where(meets).order_by(artifacts.c.id))

    async def iter_after(self, after: ULID | None = None) -> AsyncIterator[list[StoredRecord]]:
        """All records, or those that follow an ID, some hundred at a time: so many that memory has room for them."""
        query = select(*RECORD_COLUMNS).order_by(artifacts.c.id).limit(_BATCH_SIZE)
        last = "" if after is None else str(after)
        while True:
            async with self._database.reading() as connection:
                records = await record_rows.fetch(connection, query.where(artifacts.c.id > last))
            if not records:
                return
            yield records
            last = str(records[-1].id)

    async def find_page(self, page: int, size: int, filters: Filters = ALL_RECORDS) -> tuple[list[StoredRecord], int]:
        if page < 1 or not 1 <= size <= MAX_PAGE_SIZE:
            raise Invalid(f"Pages start at 1 and have 1 to {MAX_PAGE_SIZE} records, not {page} and {size}")
        async with self._database.reading() as connection:
            meets = statements.meets(filters, connection.dialect)
            total = await record_rows.count(connection, meets)
            if (page - 1) * size >= total:
                return [], total
            query = select(*RECORD_COLUMNS).where(meets).order_by(artifacts.c.id)
            return await record_rows.fetch(connection, query.offset((page - 1) * size).limit(size)), total

    async def count(self, filters: Filters = ALL_RECORDS) -> int:
        async with self._database.reading() as connection:
            return await record_rows.count(connection, statements.meets(filters, connection.dialect))

    async def find_subtree(self, root_id: ULID, max_depth: int | None = None) -> list[StoredRecord]:
        async with self._database.reading() as connection:
            return await record_rows.fetch(connection, statements.select_subtree(str(root_id), max_depth))

    async def find_ancestors(self, id: ULID) -> list[StoredRecord]:
        async with self._database.reading() as connection:
            return await record_rows.fetch(connection, statements.select_ancestors(str(id)))

    async def read_payloads(self, payloads_: Sequence[PayloadInfo]) -> list[bytes]:
        contents: dict[str, bytes] = {}
        async with self._database.reading() as connection:
            for chunk in record_rows.chunks([payload.id for payload in payloads_]):
                query = select(payloads.c.id, payloads.c.content).where(payloads.c.id.in_(chunk))
                contents.update((row.id, bytes(row.content)) for row in await connection.execute(query))
        for payload in payloads_:
            if payload.id not in contents:
                raise errors.PayloadNotFound(f"Record {payload.record_id} has nothing at {payload.pointer!r} any more")
        return [contents[payload.id] for payload in payloads_]


def _create_tables(connection: Connection) -> None:
    inspector = inspect(connection)
    for name, table in Base.metadata.tables.items():
        if inspector.has_table(name):
            missing = {column.name for column in table.columns} - {
                found["name"] for found in inspector.get_columns(name)
            }
            if missing:
                raise Invalid(f"The database has a table {name!r} of another program, without {min(missing)!r}")
    Base.metadata.create_all(connection)


async def _delete(connection: AsyncConnection, ids: Sequence[str]) -> int:
    deleted = 0
    for chunk in record_rows.chunks(ids):
        await connection.execute(delete(payloads).where(payloads.c.artifact_id.in_(chunk)))
        deleted += (await connection.execute(delete(artifacts).where(artifacts.c.id.in_(chunk)))).rowcount
    return deleted


async def _has_children(connection: AsyncConnection, record_id: str) -> errors.HasChildren:
    count = await record_rows.count(connection, artifacts.c.parent_id == record_id)
    children, what = ("a child", "it") if count == 1 else (f"{count:,} children", "them")
    return errors.HasChildren(f"Record {record_id} has {children}: delete or move {what} first", status=409)
