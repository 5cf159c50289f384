"""`wanllmdb records put`, `mv` and `rm`."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from wanllmdb.records.cli import sources
from wanllmdb.records.cli.options import Address, RecordId, find_record, number_of, opened, run
from wanllmdb.records.errors import HasChildren
from wanllmdb.records.manager import ArtifactManager
from wanllmdb.records.repository import RecordUpdate
from wanllmdb.records.schemas import ArtifactIn, to_ulid
from wanllmdb.records.wire import to_json
from wanllmdb.sdk import errors
from wanllmdb.sdk.cli.options import Json
from wanllmdb.sdk.cli.output import print_result


def put(
    address: Address,
    source: Annotated[
        str | None,
        typer.Argument(
            help="A file, or - for standard input: JSON is the data itself; a table of CSV or Parquet, and the bytes "
            "of any other file, become `content` of the data.",
            metavar="[FILE|-]",
        ),
    ] = None,
    *,
    data: Annotated[
        str | None, typer.Option("--data", "-d", help="The data as JSON; of a table or file, what else the data has.")
    ] = None,
    parent: Annotated[str | None, typer.Option("--parent", "-p", help="ID of the parent. Default: a root.")] = None,
    id: Annotated[
        str | None, typer.Option("--id", help="Replace the data of this record, which stays where it is.", metavar="ID")
    ] = None,
    type: Annotated[str | None, typer.Option("--type", "-t", help="Default: `type` of the data.")] = None,
    tags: Annotated[list[str] | None, typer.Option("--tag", help="Can be repeated.")] = None,
    format: Annotated[
        sources.Format | None, typer.Option("--format", "-f", help="Of the file. Default: by its name; of -, JSON.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Save a record: a new one, or with --id other data for an existing one."""
    fields: dict[str, Any] = {"data": sources.read(source, data, format)}
    if parent is not None:
        fields["parent_id"] = to_ulid(parent)
    if id is not None:
        fields["id"] = to_ulid(id)
    if type is not None:
        fields["type"] = type
    if tags:
        fields["tags"] = tags

    async def save() -> dict[str, Any]:
        async with opened(address) as (repository, hierarchy):
            if id is not None:
                await find_record(repository, id, address)
            saved = await ArtifactManager(repository, hierarchy).save(ArtifactIn(**fields))
            return to_json(await find_record(repository, str(saved.id), address), hierarchy)

    record = run(save())
    print_result(record, as_json, [record["id"]])


def move(
    address: Address,
    record_id: RecordId,
    parent: Annotated[
        str | None, typer.Argument(help="ID of the new parent; not with --root.", metavar="[PARENT]")
    ] = None,
    to_root: Annotated[bool, typer.Option("--root", help="Among the roots.")] = False,
    as_json: Json = False,
) -> None:
    """Move a record, with all below it, under another parent."""
    if to_root == (parent is not None):
        raise errors.Invalid("Name the new parent, or pass --root to move the record among the roots")
    update = RecordUpdate(to_ulid(record_id), parent_id=None if parent is None else to_ulid(parent))

    async def write() -> dict[str, Any]:
        async with opened(address) as (repository, hierarchy):
            (moved,) = await repository.write([update], hierarchy)
            return to_json(moved, hierarchy)

    record = run(write())
    place = "a root" if record["parent_id"] is None else f"under {record['parent_id']}"
    print_result(record, as_json, [f"Moved {record['id']}: now {place}, on level {record['level_label']}"])


def remove(
    address: Address,
    record_ids: Annotated[list[str], typer.Argument(help="IDs of records.", metavar="ID...")],
    recursive: Annotated[bool, typer.Option("--recursive", "-r", help="With all records below them.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask. Required if there is no terminal.")] = False,
    as_json: Json = False,
) -> None:
    """Delete records. This cannot be undone. A record with children is only deleted with --recursive."""
    ids = list(dict.fromkeys(map(to_ulid, record_ids)))

    async def count() -> int:
        async with opened(address) as (repository, _):
            for id in ids:
                await find_record(repository, str(id), address)
            if not recursive:
                return len(ids)
            return len({record.id for id in ids for record in await repository.find_subtree(id)})

    async def delete() -> int:
        async with opened(address) as (repository, _):
            if not recursive:
                return await repository.delete(ids)
            return sum([await repository.delete_subtree(id) for id in ids])

    total = run(count())
    if not yes:
        _confirm(f"Delete {number_of(total)} from {address}? This cannot be undone.")
    try:
        deleted = run(delete())
    except HasChildren as error:
        raise HasChildren(
            f"{str(error).rstrip('.')}. Pass --recursive to delete all that is below, too", status=409
        ) from error
    print_result({"deleted": deleted}, as_json, [f"Deleted {number_of(deleted)}"])


def _confirm(question: str) -> None:
    """Ask on the terminal. Raises `Invalid` if there is none, or if the answer is not yes."""
    if not sys.stdin or not sys.stdin.isatty():
        raise errors.Invalid("There is no terminal to ask on: pass --yes to delete without being asked")
    if not typer.confirm(question, err=True):
        raise errors.Invalid("Nothing was deleted")
