"""The usual way to keep such trees, as a peer to measure against: an ORM class, one flush a record, a query a node.

chapkit's manager cannot be installed beside this server. This is written after how its documentation describes it, not
a copy of it: SQLAlchemy's ORM over aiosqlite, the level from a query of the parent, data in a column of its own, the
record read back after each save, and a tree that asks for the children of one node after the other. What chapkit does
besides, such as schemas and hooks, is not in it: the peer is quicker than the original would be.
"""

from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Any

from sqlalchemy import JSON, ForeignKey, String, event, func, select
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from ulid import ULID

# Of SQLite, for all that are measured: no commit waits for the disk.
PRAGMAS = ("foreign_keys=ON", "journal_mode=WAL", "synchronous=NORMAL")


class Base(DeclarativeBase):
    pass


class Row(Base):
    __tablename__ = "artifacts"

    id: Mapped[str] = mapped_column(String(26), primary_key=True, default=lambda: str(ULID()))
    parent_id: Mapped[str | None] = mapped_column(ForeignKey("artifacts.id"), index=True)
    level: Mapped[int] = mapped_column(default=0, index=True)
    data: Mapped[Any] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(default=lambda: datetime.now(timezone.utc), index=True)
    updated_at: Mapped[datetime] = mapped_column(default=lambda: datetime.now(timezone.utc))


class OrmRecords:
    """A session on a database of its own."""

    def __init__(self, url: str) -> None:
        self.engine = create_async_engine(url)
        if self.engine.dialect.name == "sqlite":
            event.listen(self.engine.sync_engine, "connect", _set_up_sqlite)

    async def __aenter__(self) -> "OrmRecords":
        async with self.engine.begin() as connection:
            await connection.run_sync(Base.metadata.create_all)
        self.session = AsyncSession(self.engine, expire_on_commit=False)
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.session.close()
        await self.engine.dispose()

    async def save(self, parent_id: str | None, data: Any) -> str:
        row = await self._add(parent_id, data)
        await self.session.commit()
        await self.session.refresh(row)
        return row.id

    async def save_all(self, items: Sequence[tuple[str | None, Any]]) -> list[str]:
        rows = [await self._add(parent_id, data) for parent_id, data in items]
        await self.session.commit()
        for row in rows:
            await self.session.refresh(row)
        self.session.expunge_all()
        return [row.id for row in rows]

    async def page(self, page: int, size: int) -> tuple[list[Row], int]:
        rows = await self.session.scalars(select(Row).order_by(Row.created_at).offset((page - 1) * size).limit(size))
        total = await self.session.scalar(select(func.count()).select_from(Row))
        return list(rows), total or 0

    async def tree(self, root_id: str) -> int:
        """How many nodes it has. They are found as `children` of one another, one query a node."""
        found, nodes = [root_id], 0
        while found:
            children = await self.session.scalars(select(Row).where(Row.parent_id == found.pop()))
            nodes += 1
            found += [child.id for child in children]
        self.session.expunge_all()
        return nodes

    async def _add(self, parent_id: str | None, data: Any) -> Row:
        level = 0
        if parent_id is not None:
            parent = await self.session.scalar(select(Row).where(Row.id == parent_id))
            if parent is None:
                raise LookupError(parent_id)
            level = parent.level + 1
        row = Row(parent_id=parent_id, level=level, data=data)
        self.session.add(row)
        await self.session.flush()
        return row


def _set_up_sqlite(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    for pragma in PRAGMAS:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
