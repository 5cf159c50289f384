"""`connect`: a manager for records in a database or on a server, by one address."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.util import find_spec
from pathlib import Path

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from wanllmdb.records import addresses
from wanllmdb.records.databases import create_engine
from wanllmdb.records.errors import PackageMissing
from wanllmdb.records.hierarchy import ArtifactHierarchy
from wanllmdb.records.local_repository import ArtifactRepository
from wanllmdb.records.manager import ArtifactManager
from wanllmdb.records.remote_repository import RemoteRepository
from wanllmdb.records.threads import in_thread
from wanllmdb.sdk.connection import Connection
from wanllmdb.sdk.errors import Invalid, Unreachable
from wanllmdb.sdk.settings import load

_MEMORY = re.compile(r"sqlite(\+\w+)?:(//)?(/?:memory:)?/?")


@asynccontextmanager
async def connect(
    address: str,
    *,
    hierarchy: ArtifactHierarchy | None = None,
    api_key: str | None = None,
    allow_pickle: bool = False,
) -> AsyncIterator[ArtifactManager]:
    """A manager for the records at an address, until the block ends.

    - `sqlite://:memory:`: a database that goes with the block;
    - `sqlite:///file.db`: a file, made if there is none (`sqlite:////var/lib/file.db` for a full path);
    - `postgresql://user:password@host/database`;
    - `https://server/h/team/project/hierarchy`, or `team/project/hierarchy` on the server of the settings.

    Tables are made where they are missing, and the hierarchy is stored beside the records, so that it need not be given
    next time. A server has its own, and enforces it. `allow_pickle` unpickles objects that this installation has not
    signed too, which runs code of whoever made them.

    Raises `Invalid` for an address that is none, `Unreachable`, and `PackageMissing`.
    """
    repository = await open_repository(address, hierarchy=hierarchy, api_key=api_key)
    try:
        stored = hierarchy or await repository.find_hierarchy()
        yield ArtifactManager(repository, stored, allow_pickle=allow_pickle)
    finally:
        # Also when the task is being cancelled: a connection that stays open has a thread that does.
        await asyncio.shield(repository.close())


async def open_repository(
    address: str, *, hierarchy: ArtifactHierarchy | None = None, api_key: str | None = None
) -> ArtifactRepository | RemoteRepository:
    """The repository at an address, ready to use. Whoever opens it closes it."""
    if not addresses.is_local(address):
        # A name that lacks its team asks the server for it.
        return await in_thread(_open_remote, address, api_key)
    url = database_url(address)
    repository = ArtifactRepository(create_engine(url))
    try:
        await repository.create_tables()
        await _store_hierarchy(repository, hierarchy)
    except BaseException as error:
        await repository.close()
        if isinstance(error, DBAPIError):
            raise _explain(url, error) from error
        raise
    return repository


def _open_remote(address: str, api_key: str | None) -> RemoteRepository:
    if "://" not in address:
        connection = Connection(load(api_key=api_key))
        return RemoteRepository(addresses.parse_remote(address, connection), connection)
    found = addresses.parse_url(address)
    # With the key that is stored for this server: that of another one is none of its business.
    return RemoteRepository(found, Connection(load(base_url=found.base_url, api_key=api_key)))


def database_url(address: str) -> URL:
    """The address of a database as SQLAlchemy takes it, with the driver that the library uses.

    Raises `Invalid` for an address that is none, and `PackageMissing` without the driver.
    """
    text = address.strip()
    if _MEMORY.fullmatch(text):
        return make_url("sqlite+aiosqlite:///:memory:")
    try:
        url = make_url(re.sub(r"^postgres(?=[+:])", "postgresql", text))
    except (ArgumentError, ValueError) as error:
        raise Invalid(f"{text.rpartition('@')[2]!r} is not the address of a database: use {addresses.FORMS}") from error
    if url.get_backend_name() == "postgresql":
        if find_spec("psycopg") is None:
            raise PackageMissing('PostgreSQL needs a driver: pip install "psycopg[binary]"')
        return url.set(drivername="postgresql+psycopg")
    if url.host or not url.database:
        raise Invalid(f"A SQLite file is addressed with three slashes: sqlite:///{url.host or 'file.db'}")
    folder = Path(url.database).absolute().parent
    if not folder.is_dir() and "uri" not in url.query:
        raise Invalid(f"There is no folder {folder} for the database")
    return url.set(drivername="sqlite+aiosqlite")


async def _store_hierarchy(repository: ArtifactRepository, hierarchy: ArtifactHierarchy | None) -> None:
    """Store it if there is none yet, or another version of the same."""
    if hierarchy is None:
        return
    stored = await repository.find_hierarchy()
    if stored is None or (stored.name == hierarchy.name and stored != hierarchy):
        await repository.store_hierarchy(hierarchy)


def _explain(url: URL, error: DBAPIError) -> Exception:
    reason = str(error.orig).strip().splitlines()[0] if str(error.orig).strip() else type(error.orig).__name__
    if url.get_backend_name() == "sqlite":
        return Invalid(f"The database {url.database} cannot be opened: {reason}")
    return Unreachable(f"No connection to {url.render_as_string(hide_password=True)}: {reason}")
