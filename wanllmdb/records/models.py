"""The tables of a local database: `artifacts`, their `payloads`, and the one `hierarchy` they belong to.

The database keeps the levels itself: a row's foreign key names its parent's ID and level, so that no statement of
anybody can leave a record on another level than the one below its parent, or in a cycle.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    Computed,
    DateTime,
    Dialect,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.elements import ColumnElement
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator

from wanllmdb.records.hierarchy import MAX_LEVELS


class MemberText(FunctionElement[str]):
    """The member of JSON data at a path of keys, as text on PostgreSQL and as it is on SQLite.

    The keys are part of the statement: an index on a member serves no query whose path comes as a parameter.
    """

    type = String()
    inherit_cache = False

    def __init__(self, data: ColumnElement[Any], keys: Sequence[str]) -> None:
        super().__init__(data)
        self.keys = tuple(keys)


@compiles(MemberText, "sqlite")
def _member_on_sqlite(element: MemberText, compiler: SQLCompiler, **options: Any) -> str:
    path = compiler.render_literal_value("$" + "".join(f'."{key}"' for key in element.keys), String())
    return f"json_extract({compiler.process(element.clauses, **options)}, {path})"


@compiles(MemberText)
def _member_on_postgresql(element: MemberText, compiler: SQLCompiler, **options: Any) -> str:
    *path, last = (compiler.render_literal_value(key, String()) for key in element.keys)
    return f"({' -> '.join([compiler.process(element.clauses, **options), *path])} ->> {last})"


class JsonData(JSON):
    """JSON as text on every database, which keeps the order of keys."""

    class Comparator(JSON.Comparator[Any]):
        @property
        def astext(self) -> MemberText:
            """The member as text, as the types of PostgreSQL call it."""
            member: Any = self.expr
            keys = member.right.value
            return MemberText(member.left, [keys] if isinstance(keys, str) else keys)

    comparator_factory = Comparator


@compiles(JsonData, "sqlite")
def _as_text(_type: JsonData, _compiler: object, **_options: object) -> str:
    # A column of the type JSON takes a number that is the whole data for one of its own, and 1.0 comes back as 1.
    return "TEXT"


class UtcDateTime(TypeDecorator[datetime]):
    """An aware moment in UTC. SQLite, which knows no time zones, keeps it without one."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        moment = value.astimezone(timezone.utc)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=timezone.utc) if value.tzinfo is None else value.astimezone(timezone.utc)


class Base(DeclarativeBase):
    """Of all tables here; `Artifact.metadata.create_all` makes them."""


class Artifact(Base):
    """A record: its place in a tree, and its data as JSON."""

    __tablename__ = "artifacts"
    __table_args__ = (
        CheckConstraint("(parent_id IS NULL) = (level = 0)", name="artifact_root_is_level_0"),
        CheckConstraint(f"level >= 0 AND level < {MAX_LEVELS}", name="artifact_level_in_bounds"),
        UniqueConstraint("id", "level", name="artifact_id_level_unique"),
        # Checked at the end of the transaction: a subtree's move changes many levels, one row after the other.
        ForeignKeyConstraint(
            ["parent_id", "parent_level"],
            ["artifacts.id", "artifacts.level"],
            name="artifact_below_its_parent",
            deferrable=True,
            initially="DEFERRED",
        ),
        Index("artifact_parent", "parent_id"),
        Index("artifact_level", "level"),
        Index("artifact_created_at", "created_at"),
    )

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    parent_id: Mapped[str | None] = mapped_column(String(26))
    level: Mapped[int]
    parent_level: Mapped[int | None] = mapped_column(
        Computed("CASE WHEN parent_id IS NULL THEN NULL ELSE level - 1 END", persisted=True)
    )
    type: Mapped[str] = mapped_column(String(64), default="")
    data: Mapped[Any] = mapped_column(JsonData)
    tags: Mapped[list[str]] = mapped_column(JsonData)
    payload_count: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Payload(Base):
    """The bytes of a value that is not JSON, and where in the record's data it is."""

    __tablename__ = "payloads"
    __table_args__ = (UniqueConstraint("artifact_id", "pointer", name="payload_pointer_unique"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    artifact_id: Mapped[str] = mapped_column(
        String(26), ForeignKey("artifacts.id", name="payload_artifact", ondelete="CASCADE")
    )
    pointer: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(String(16))
    content_type: Mapped[str] = mapped_column(String(255))
    size: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str] = mapped_column(String(64))
    type: Mapped[str] = mapped_column(Text)
    module: Mapped[str] = mapped_column(Text)
    repr: Mapped[str] = mapped_column(Text)
    error: Mapped[str] = mapped_column(Text)
    signature: Mapped[str] = mapped_column(Text)
    content: Mapped[bytes] = mapped_column(LargeBinary)


class Hierarchy(Base):
    """The hierarchy of the records in this database: one row at most."""

    __tablename__ = "hierarchy"
    __table_args__ = (CheckConstraint("id = 1", name="hierarchy_is_one"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(String(128))
    level_labels: Mapped[dict[str, str]] = mapped_column(JsonData)
    enforce_levels: Mapped[bool]
