"""What is next to a node of lineage, in SQL: parts of the recursive queries, which Django's queries cannot express.

A node is written as a letter for its kind and its id. In all that is here it is the column `f.node`.
"""

from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection

from core.bounded_count import COUNT_LIMIT

# Of an artifact whose versions are folded into it, only the newest count: it may have a hundred thousand.
_FOLDED_VERSIONS = 1000

VERSION, ARTIFACT, RUN = "v", "a", "r"
UPSTREAM, DOWNSTREAM = "u", "d"
USAGES, SOURCES, VERSIONS = "artifacts_artifactusage", "artifacts_versionsource", "artifacts_artifactversion"


class Ref(NamedTuple):
    """A node: the letter of its kind, and its id."""

    kind: str
    pk: UUID

    def __str__(self) -> str:
        return f"{self.kind}{self.pk if is_postgres() else self.pk.hex}"

    @classmethod
    def parse(cls, node: str) -> "Ref":
        return cls(node[0], UUID(node[1:]))


class Branch(NamedTuple):
    """How to get from a node `{id}` of the kind to its neighbours on a side: each is `node` of a row `e` of `table`."""

    side: str
    kind: str
    node: str
    table: str
    tables: str
    condition: str
    order: str = "e.id DESC"
    # Of a folded artifact: the column of `e` that names one of its own versions.
    own_key: str = ""


# A draft is no part of lineage until it is finalized; a version that was deleted later still is.
PLAIN = (
    Branch(DOWNSTREAM, VERSION, "'r' || e.run_id", USAGES, f"{USAGES} e", "e.version_id = {id}"),
    Branch(
        DOWNSTREAM, VERSION, "'v' || e.version_id", SOURCES,
        f"{SOURCES} e JOIN {VERSIONS} v ON v.id = e.version_id", "e.source_id = {id} AND v.finalized_at IS NOT NULL",
    ),
    Branch(
        DOWNSTREAM, RUN, "'v' || e.id", VERSIONS, f"{VERSIONS} e", "e.run_id = {id} AND e.finalized_at IS NOT NULL"
    ),
    Branch(UPSTREAM, VERSION, "'r' || e.run_id", VERSIONS, f"{VERSIONS} e", "e.id = {id} AND e.run_id IS NOT NULL"),
    Branch(UPSTREAM, VERSION, "'v' || e.source_id", SOURCES, f"{SOURCES} e", "e.version_id = {id}"),
    Branch(UPSTREAM, RUN, "'v' || e.version_id", USAGES, f"{USAGES} e", "e.run_id = {id}"),
)  # fmt: skip

_OWN = (
    f"(SELECT id, number FROM {VERSIONS} WHERE artifact_id = {{id}} AND finalized_at IS NOT NULL "
    f"ORDER BY number DESC LIMIT {_FOLDED_VERSIONS}) o"
)
_NEWEST = "o.number DESC, e.id DESC"


def _artifact_of(column: str) -> str:
    return f"'a' || (SELECT artifact_id FROM {VERSIONS} WHERE id = {column})"


FOLDED = (
    Branch(DOWNSTREAM, ARTIFACT, "'r' || e.run_id", USAGES, "", "1 = 1", _NEWEST, "version_id"),
    Branch(
        DOWNSTREAM, ARTIFACT, _artifact_of("e.version_id"), SOURCES, f"JOIN {VERSIONS} v ON v.id = e.version_id",
        "v.finalized_at IS NOT NULL", _NEWEST, "source_id",
    ),
    Branch(
        DOWNSTREAM, RUN, "'a' || e.artifact_id", VERSIONS, f"{VERSIONS} e",
        "e.run_id = {id} AND e.finalized_at IS NOT NULL",
    ),
    Branch(UPSTREAM, ARTIFACT, "'r' || e.run_id", VERSIONS, "", "e.run_id IS NOT NULL", _NEWEST, "id"),
    Branch(UPSTREAM, ARTIFACT, _artifact_of("e.source_id"), SOURCES, "", "1 = 1", _NEWEST, "version_id"),
    Branch(UPSTREAM, RUN, _artifact_of("e.version_id"), USAGES, f"{USAGES} e", "e.run_id = {id}"),
)  # fmt: skip


def is_postgres() -> bool:
    return connection.vendor == "postgresql"


def fetch(sql: str, values: dict[str, Any]) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return cursor.fetchall()


def lateral(branch: Branch, limit: str, condition: str = "1 = 1") -> str:
    """The neighbours of `f.node` on PostgreSQL, for LATERAL, at most so many."""
    return (
        f"SELECT {branch.node} AS node FROM {_tables(branch)} "
        f"WHERE {condition} AND {of_kind(branch.kind)} AND {branch.condition.format(id=node_id())} "
        f"ORDER BY {branch.order} LIMIT {limit}"
    )


def joined(branch: Branch, limit: str, nodes: str, *columns: str) -> str:
    """The same on SQLite, of all of the `nodes` at once: a subquery finds the rows, each by its number."""
    found = (
        f"SELECT e.rowid FROM {_tables(branch)} WHERE {branch.condition.format(id=node_id())} "
        f"ORDER BY {branch.order} LIMIT {limit}"
    )
    selected = ", ".join([f"{branch.node} AS node", *columns])
    rows = f"{nodes} f CROSS JOIN {branch.table} e ON e.rowid IN ({found})"
    return f"SELECT {selected} FROM {rows} WHERE {of_kind(branch.kind)}"


def all_of(branch: Branch) -> str:
    """All neighbours of `f.node`, for a subquery."""
    condition = branch.condition.format(id=node_id())
    return f"SELECT {branch.node} AS node FROM {_tables(branch)} WHERE {of_kind(branch.kind)} AND {condition}"


def count(branches: tuple[Branch, ...], side: str) -> str:
    """How many neighbours `f.node` has on that side; of each branch `COUNT_LIMIT` + 1 for more."""
    return " + ".join(
        f"(SELECT count(DISTINCT c.node) FROM ({all_of(branch)} LIMIT {COUNT_LIMIT + 1}) c WHERE c.node <> f.node)"
        for branch in branches
        if branch.side == side
    )


def node_id() -> str:
    return "substr(f.node, 2)::uuid" if is_postgres() else "substr(f.node, 2)"


def of_kind(kind: str) -> str:
    return f"substr(f.node, 1, 1) = '{kind}'"


def _tables(branch: Branch) -> str:
    if not branch.own_key:
        return branch.tables
    own = _OWN.format(id=node_id())
    if not is_postgres():
        return f"{own} JOIN {branch.table} e ON e.{branch.own_key} = o.id {branch.tables}"
    # With a plain join the planner may read the whole table for a version that has few rows of it.
    rows = f"SELECT * FROM {branch.table} x WHERE x.{branch.own_key} = o.id ORDER BY x.id DESC LIMIT {COUNT_LIMIT + 1}"
    return f"{own} CROSS JOIN LATERAL ({rows}) e {branch.tables}"
