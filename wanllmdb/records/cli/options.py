"""Arguments and options that several commands have, and how a command gets at the records."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from pydantic import ValidationError

from wanllmdb.records import addresses
from wanllmdb.records.connections import database_url, open_repository
from wanllmdb.records.errors import HierarchyNotFound, RecordNotFound
from wanllmdb.records.hierarchy import ANY_HIERARCHY, ArtifactHierarchy
from wanllmdb.records.local_repository import ArtifactRepository
from wanllmdb.records.remote_repository import RemoteRepository
from wanllmdb.records.repository import Filters, Repository, StoredRecord
from wanllmdb.records.schemas import to_ulid
from wanllmdb.sdk import errors

T = TypeVar("T")

Address = Annotated[
    str,
    typer.Argument(
        help="Where the records are: sqlite:///file.db, postgresql://…, team/project/hierarchy on the server of the "
        "settings, or the URL of a hierarchy. Team and project can be omitted if the settings have them."
    ),
]
RecordId = Annotated[str, typer.Argument(help="ID of the record.", metavar="ID")]
Level = Annotated[int | None, typer.Option(help="Only records on this level; 0 is that of the roots.")]
Parent = Annotated[
    str | None, typer.Option(help="Only the children of this record; `none`: only the roots.", metavar="ID")
]
Type = Annotated[str | None, typer.Option("--type", "-t", help="Only records of this type.")]
Tag = Annotated[str | None, typer.Option(help="Only records with this tag.")]
Where = Annotated[
    list[str] | None,
    typer.Option(
        help="Only records whose data has this value: metrics.rmse=0.25, or name='\"42\"' for a text that looks like a "
        "number. Can be repeated.",
        metavar="PATH=VALUE",
    ),
]


def run(work: Coroutine[Any, Any, T]) -> T:
    """What the work returns. Raises `Invalid` also for a record that cannot be one."""
    try:
        return asyncio.run(work)
    except ValidationError as error:
        problems = error.errors(include_url=False, include_context=False, include_input=False)
        sentences = (
            f"{'.'.join(map(str, item['loc']))}: {item['msg'].removeprefix('Value error, ')}" for item in problems
        )
        raise errors.Invalid("; ".join(sentences)) from error


@asynccontextmanager
async def opened(
    address: str, *, create: bool = False
) -> AsyncIterator[tuple[ArtifactRepository | RemoteRepository, ArtifactHierarchy]]:
    """The records at an address, and what is known of their hierarchy. A missing file is created only with `create`."""
    if not create:
        _require_file(address)
    repository = await open_repository(address)
    try:
        yield repository, await repository.find_hierarchy() or ANY_HIERARCHY
    finally:
        await asyncio.shield(repository.close())


async def find_record(repository: Repository, record_id: str, address: str) -> StoredRecord:
    """Raises `RecordNotFound`."""
    id = to_ulid(record_id)
    found = await repository.find([id])
    if not found:
        raise RecordNotFound(f"There is no record {id} in {address}", status=404)
    return found[0]


def _require_file(address: str) -> None:
    """SQLite would make the file of a mistyped name."""
    if not addresses.is_local(address):
        return
    path = database_url(address).database
    if address.strip().startswith("sqlite") and path and path != ":memory:" and not Path(path).exists():
        raise HierarchyNotFound(f"There is no database {path}: create it with `wanllmdb records init {address}`")


def parse_filters(
    level: int | None, parent: str | None, type: str | None, tag: str | None, where: list[str] | None
) -> Filters:
    """What the options ask for. Raises `Invalid`."""
    values: dict[str, Any] = {}
    for condition in where or ():
        path, equals, text = condition.partition("=")
        if not equals or not path:
            raise errors.Invalid(f"--where {condition!r} is not PATH=VALUE, such as metrics.rmse=0.25")
        values[path.removeprefix("data.")] = parse_value(text)
    filters = Filters(level=level, type=type, tag=tag, data=values)
    if parent is None:
        return filters
    return Filters(**{**vars(filters), "parent_id": None if parent == "none" else to_ulid(parent)})


def parse_value(text: str) -> Any:
    """The JSON value that the text is; else the text itself."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def parse_object(text: str, option: str) -> dict[str, Any]:
    """A JSON object. Raises `Invalid`."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise errors.Invalid(f"{option} is not valid JSON: {error}") from error
    if not isinstance(value, dict):
        raise errors.Invalid(f'{option} must be a JSON object, such as \'{{"name": "weather"}}\'')
    return value


def number_of(count: int) -> str:
    return "1 record" if count == 1 else f"{count:,} records"
