"""The connections of a local repository: an engine of our own, or the session of whoever calls.

On SQLite one task writes at a time, and it holds the file's write lock before it reads what it will write about. On
PostgreSQL an advisory lock does the same for moves and deletions; records are created beside each other.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, nullcontext
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, event, func, select, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.pool import StaticPool

from wanllmdb.sdk.errors import Conflict

# So long a writer waits for another process that writes to the same file.
_SQLITE_BUSY_SECONDS = 30
# "wanllm" as a number.
_ADVISORY_LOCK = 0x77616E6C6C6D


class Database(ABC):
    """Where statements are executed, each block in a transaction of its own."""

    dialect_name: str

    @abstractmethod
    def reading(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """A connection to read from: what it reads is from one moment."""

    @abstractmethod
    def writing(self, *, alone: bool) -> AbstractAsyncContextManager[AsyncConnection]:
        """A connection to write with; the end of the block commits, an exception rolls back.

        `alone`: nobody else writes meanwhile. Else others may create records, but move and delete none.
        """

    async def close(self) -> None:
        return None


class EngineDatabase(Database):
    """An engine of our own, made by `create_engine`: every block has a connection of its pool."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine
        self.dialect_name = engine.dialect.name
        is_sqlite = self.dialect_name == "sqlite"
        # A database in memory has one connection, which holds one transaction.
        is_shared = is_sqlite and isinstance(engine.pool, StaticPool)
        self._writer = asyncio.Lock() if is_sqlite else None
        self._reader = self._writer if is_shared else None

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        async with self._reader or nullcontext(), self.engine.connect() as connection:
            if self.dialect_name == "postgresql":
                await connection.execution_options(isolation_level="REPEATABLE READ")
            yield connection

    @asynccontextmanager
    async def writing(self, *, alone: bool) -> AsyncIterator[AsyncConnection]:
        async with self._writer or nullcontext(), self.engine.connect() as connection:
            await connection.execution_options(records_writes=True)
            with _refusing_conflicts():
                async with connection.begin():
                    await _lock(connection, alone=alone)
                    yield connection

    async def close(self) -> None:
        await self.engine.dispose()


class SessionDatabase(Database):
    """The session of the caller, whose transaction each write commits. Tasks that share it take turns."""

    _turns: WeakKeyDictionary[AsyncSession, asyncio.Lock] = WeakKeyDictionary()

    def __init__(self, session: AsyncSession) -> None:
        self.session = session
        self.dialect_name = session.get_bind().dialect.name
        self._turn = self._turns.setdefault(session, asyncio.Lock())

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        async with self._turn:
            yield await self._connection()

    @asynccontextmanager
    async def writing(self, *, alone: bool) -> AsyncIterator[AsyncConnection]:
        async with self._turn:
            try:
                connection = await self._connection()
                if self.dialect_name == "sqlite":
                    # Takes the write lock: with Python's driver a transaction begins with the first change.
                    await connection.execute(text("UPDATE artifacts SET level = level WHERE id = ''"))
                await _lock(connection, alone=alone)
                with _refusing_conflicts():
                    yield connection
                    await self.session.commit()
            except BaseException:
                await self.session.rollback()
                raise

    async def _connection(self) -> AsyncConnection:
        connection = await self.session.connection()
        if self.dialect_name == "sqlite" and not connection.info.get("records_foreign_keys"):
            # Has no effect inside a transaction that has changed something: then the next one asks again.
            await connection.exec_driver_sql("PRAGMA foreign_keys=ON")
            is_on = (await connection.exec_driver_sql("PRAGMA foreign_keys")).scalar()
            connection.info["records_foreign_keys"] = bool(is_on)
        return connection


@contextmanager
def _refusing_conflicts() -> Iterator[None]:
    """The database keeps levels and IDs, whoever else writes to it: what it refuses is a conflict with them."""
    try:
        yield
    except IntegrityError as error:
        raise Conflict("The records were changed by somebody else meanwhile: try again", status=409) from error


def create_engine(url: URL) -> AsyncEngine:
    """An engine whose SQLite connections keep foreign keys, write ahead, and begin transactions as they are told."""
    if url.get_backend_name() != "sqlite":
        return create_async_engine(url, pool_pre_ping=True)
    engine = create_async_engine(url, connect_args={"timeout": _SQLITE_BUSY_SECONDS})
    event.listen(engine.sync_engine, "connect", _set_up_sqlite)
    event.listen(engine.sync_engine, "begin", _begin_sqlite)
    return engine


def _set_up_sqlite(connection: Any, _record: object) -> None:
    # The driver would begin transactions by itself, and only before the first change.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in ("foreign_keys=ON", "journal_mode=WAL", "synchronous=NORMAL"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("records_writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


async def _lock(connection: AsyncConnection, *, alone: bool) -> None:
    if connection.dialect.name == "postgresql":
        lock = func.pg_advisory_xact_lock if alone else func.pg_advisory_xact_lock_shared
        await connection.execute(select(lock(_ADVISORY_LOCK)))
