"""`wanllmdb records ls`, `tree` and `get`."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from wanllmdb.records.cli.options import (
    Address,
    Level,
    Parent,
    RecordId,
    Tag,
    Type,
    Where,
    find_record,
    opened,
    parse_filters,
    run,
)
from wanllmdb.records.hierarchy import ArtifactHierarchy
from wanllmdb.records.repository import MAX_PAGE_SIZE, Filters, Repository, StoredRecord
from wanllmdb.records.tree_text import Tree, one_line, summary_of
from wanllmdb.records.wire import JsonObject, to_json
from wanllmdb.sdk.cli.options import Json
from wanllmdb.sdk.cli.output import print_result, print_table

# Of roots, where a tree is asked for without one.
_MAX_ROOTS = 50


def list_records(
    address: Address,
    level: Level = None,
    parent: Parent = None,
    type: Type = None,
    tag: Tag = None,
    where: Where = None,
    limit: Annotated[int, typer.Option(help="How many records at most; 0: all.", min=0)] = 50,
    as_json: Json = False,
) -> None:
    """List records, in the order of their creation."""
    filters = parse_filters(level, parent, type, tag, where)

    async def find() -> tuple[list[StoredRecord], ArtifactHierarchy]:
        async with opened(address) as (repository, hierarchy):
            return await _find(repository, filters, limit), hierarchy

    records, hierarchy = run(find())
    if as_json:
        print_result([to_json(record, hierarchy) for record in records], True, [])
        return
    rows = [{**_row(record), "level": hierarchy.label_for(record.level)} for record in records]
    print_table(rows, False, ("id", "level", "type", "tags", "created_at", "data"))


def show_tree(
    address: Address,
    root: Annotated[
        str | None, typer.Argument(help=f"ID of a record. Default: all roots, at most {_MAX_ROOTS}.", metavar="[ID]")
    ] = None,
    depth: Annotated[int | None, typer.Option(help="How many levels below it. Default: all.", min=0, max=63)] = None,
    as_json: Json = False,
) -> None:
    """Show a record and what is below it."""
    # One level more shows how many records are not shown.
    fetched = None if depth is None else depth + 1

    async def find() -> tuple[list[Tree], int]:
        async with opened(address) as (repository, hierarchy):
            if root is not None:
                record = await find_record(repository, root, address)
                return [Tree(await repository.find_subtree(record.id, fetched), hierarchy)], 1
            roots, total = await repository.find_page(1, _MAX_ROOTS, Filters(parent_id=None))
            subtrees = [await repository.find_subtree(record.id, fetched) for record in roots]
            return [Tree(records, hierarchy) for records in subtrees if records], total

    trees, total = run(find())
    if as_json:
        nested = [tree.nested(depth) for tree in trees]
        print_result(nested[0] if root is not None else nested, True, [])
        return
    lines = [line for tree in trees for line in tree.lines(depth)]
    if total > _MAX_ROOTS:
        lines.append(f"… {total - _MAX_ROOTS:,} more roots: name one of them, or see `wanllmdb records ls`")
    print_result(None, False, lines)


def show_record(address: Address, record_id: RecordId, as_json: Json = False) -> None:
    """Show a record with its data."""

    async def find() -> JsonObject:
        async with opened(address) as (repository, hierarchy):
            record = await find_record(repository, record_id, address)
            ancestors = await repository.find_ancestors(record.id)
            path = [{"id": str(above.id), "level_label": hierarchy.label_for(above.level)} for above in ancestors]
            return {**to_json(record, hierarchy), "ancestors": path}

    found = run(find())
    print_result(found, as_json, _lines_of(found))


async def _find(repository: Repository, filters: Filters, limit: int) -> list[StoredRecord]:
    if not limit:
        return await repository.find_all(filters)
    records: list[StoredRecord] = []
    page = 1
    size = min(limit, MAX_PAGE_SIZE)
    while len(records) < limit:
        found, _ = await repository.find_page(page, size, filters)
        records += found
        if len(found) < size:
            break
        page += 1
    return records[:limit]


def _row(record: StoredRecord) -> dict[str, Any]:
    return {
        "id": str(record.id),
        "type": record.type,
        "tags": list(record.tags),
        "created_at": record.created_at.isoformat(timespec="seconds").replace("+00:00", "Z"),
        "data": summary_of(record.data),
    }


def _lines_of(record: JsonObject) -> list[str]:
    path = " › ".join(f"{above['level_label']} {above['id']}" for above in record["ancestors"])
    facts = {
        "ID": record["id"],
        "Level": f"{record['level']} ({record['level_label']})",
        "Below": path,
        "Type": record["type"],
        "Tags": ", ".join(record["tags"]),
        "Created": record["created_at"],
        "Updated": record["updated_at"],
    }
    lines = [f"{name + ':':9}{one_line(value)}" for name, value in facts.items() if value]
    for payload in record["payloads"]:
        name = ".".join(filter(None, (payload["module"], payload["type"]))) or payload["content_type"]
        pointer = payload["pointer"] or "the whole data"
        lines.append(one_line(f"{'Payload:':9}{pointer}  {payload['kind']}, {name}, {payload['size']:,} bytes"))
    data = json.dumps(record["data"], indent=2, ensure_ascii=False)
    return [*lines, *map(one_line, data.splitlines())]
