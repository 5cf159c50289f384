"""The SQL of a local repository: each function is one statement, for SQLite and PostgreSQL alike."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from math import isfinite
from typing import Any

from sqlalchemy import (
    CTE,
    JSON,
    ColumnElement,
    Dialect,
    Select,
    String,
    Table,
    Update,
    and_,
    case,
    cast,
    false,
    func,
    literal,
    select,
    true,
    type_coerce,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.types import NullType

from wanllmdb.records.errors import InvalidData
from wanllmdb.records.hierarchy import MAX_LEVELS
from wanllmdb.records.models import Base, MemberText
from wanllmdb.records.placeholders import is_plain_text
from wanllmdb.records.repository import Filters, Unset

artifacts: Table = Base.metadata.tables["artifacts"]
payloads: Table = Base.metadata.tables["payloads"]

RECORD_COLUMNS = [
    artifacts.c[name]
    for name in ("id", "parent_id", "level", "type", "data", "tags", "created_at", "updated_at", "payload_count")
]
PAYLOAD_COLUMNS = [column for column in payloads.c if column.name != "content"]


def subtree_ids(root_id: str, max_depth: int | None = None) -> CTE:
    """A common table of the IDs of a record and its descendants, with their `depth` below it."""
    tree = select(artifacts.c.id, literal(0).label("depth")).where(artifacts.c.id == root_id)
    found = tree.cte("tree", recursive=True)
    children = select(artifacts.c.id, found.c.depth + 1).where(artifacts.c.parent_id == found.c.id)
    if max_depth is not None:
        children = children.where(found.c.depth < max_depth)
    return found.union_all(children)


def select_subtree(root_id: str, max_depth: int | None) -> Select[Any]:
    """A record and its descendants, parents first."""
    tree = subtree_ids(root_id, max_depth)
    return select(*RECORD_COLUMNS).join(tree, tree.c.id == artifacts.c.id).order_by(artifacts.c.level, artifacts.c.id)


def ancestor_ids(record_id: str) -> CTE:
    """A common table of the IDs of a record and its ancestors."""
    start = select(artifacts.c.id, artifacts.c.parent_id).where(artifacts.c.id == record_id)
    found = start.cte("ancestors", recursive=True)
    return found.union_all(select(artifacts.c.id, artifacts.c.parent_id).where(artifacts.c.id == found.c.parent_id))


def select_ancestors(record_id: str) -> Select[Any]:
    """A record's ancestors, root first, without itself."""
    path = ancestor_ids(record_id)
    return (
        select(*RECORD_COLUMNS)
        .join(path, path.c.id == artifacts.c.id)
        .where(artifacts.c.id != record_id)
        .order_by(artifacts.c.level)
    )


def move_subtree(record_id: str, parent_id: str | None, by: int, now: datetime) -> Update:
    """Put a record under another parent, and all of its descendants `by` levels deeper."""
    moves = artifacts.c.id == record_id
    return (
        update(artifacts)
        .where(artifacts.c.id.in_(select(subtree_ids(record_id).c.id)))
        .values(
            level=artifacts.c.level + by,
            parent_id=case((moves, literal(parent_id, String(26))), else_=artifacts.c.parent_id),
            updated_at=case((moves, type_coerce(now, artifacts.c.updated_at.type)), else_=artifacts.c.updated_at),
        )
    )


def meets(filters: Filters, dialect: Dialect) -> ColumnElement[bool]:
    """What a record has to meet. Raises `InvalidData` for a path that cannot be one."""
    conditions: list[ColumnElement[bool]] = []
    if filters.level is not None:
        is_level = 0 <= filters.level < MAX_LEVELS
        conditions.append(artifacts.c.level == filters.level if is_level else false())
    if filters.parent_id is None:
        conditions.append(artifacts.c.parent_id.is_(None))
    elif not isinstance(filters.parent_id, Unset):
        conditions.append(artifacts.c.parent_id == str(filters.parent_id))
    if filters.type is not None:
        conditions.append(artifacts.c.type == filters.type if is_plain_text(filters.type) else false())
    if filters.tag is not None:
        conditions.append(_has_tag(filters.tag, dialect) if is_plain_text(filters.tag) else false())
    conditions.extend(_member_is(path, value, dialect) for path, value in filters.data.items())
    return and_(true(), *conditions)


def _has_tag(tag: str, dialect: Dialect) -> ColumnElement[bool]:
    if dialect.name == "sqlite":
        tags = func.json_each(artifacts.c.tags).table_valued("value", name="tag")
        return select(literal(1)).select_from(tags).where(tags.c.value == tag).exists()
    return cast(artifacts.c.tags, JSONB).contains([tag])


def _member_is(path: str, value: Any, dialect: Dialect) -> ColumnElement[bool]:
    """Whether the member at a dotted path is this JSON value, of the same type."""
    keys = path.split(".")
    if not all(keys) or any(character in path for character in '"\\\0'):
        raise InvalidData(f"{path!r} is not the path of a member: use keys with dots between, such as 'metrics.rmse'")
    if isinstance(value, Mapping | Sequence) and not isinstance(value, str):
        raise InvalidData(f"Records are found by texts, numbers, booleans and None, not by {type(value).__name__}")
    if not _is_storable(value) or not is_plain_text(path):
        return false()
    return _sqlite_member(keys, value) if dialect.name == "sqlite" else _postgres_member(keys, value)


def _is_storable(value: Any) -> bool:
    """Whether JSON data could have this value. Databases refuse to compare with others."""
    if isinstance(value, str):
        return is_plain_text(value)
    return not isinstance(value, float) or isfinite(value)


def _sqlite_member(keys: Sequence[str], value: Any) -> ColumnElement[bool]:
    kind = func.json_type(artifacts.c.data, "$" + "".join(f'."{key}"' for key in keys))
    if value is None or isinstance(value, bool):
        return kind == {None: "null", True: "true", False: "false"}[value]
    kinds = ("text",) if isinstance(value, str) else ("integer", "real")
    if isinstance(value, int) and value.bit_length() > 63:
        if value.bit_length() > 1023:
            return false()
        # As SQLite reads it: its own integers end there.
        value = float(value)
    # As an index on the member has it: as a number if it is one.
    return and_(type_coerce(MemberText(artifacts.c.data, keys), NullType()) == value, kind.in_(kinds))


def _postgres_member(keys: Sequence[str], value: Any) -> ColumnElement[bool]:
    member = artifacts.c.data.op("#>")(cast(list(keys), ARRAY(String)))
    if isinstance(value, str):
        is_text = func.json_typeof(type_coerce(member, JSON)) == "string"
        return and_(MemberText(artifacts.c.data, keys) == value, is_text)
    return cast(type_coerce(member, String), JSONB) == cast(literal(json.dumps(value), String), JSONB)
