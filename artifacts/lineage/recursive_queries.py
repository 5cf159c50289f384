"""The two recursive queries of lineage. SQL text, since Django's queries have no recursion.

Each visits a node once, however many paths lead to it, and reads no more than a bounded number of neighbours of one
node. `steps` has a row a level, which carries all nodes seen so far as one array: with a row a node, the same node
would come back at each distance at which a path leads to it, and again and again in a cycle. `downstream` goes to any
depth, so it must not carry them: there UNION by the node alone drops those that came before, and distances are not
known. A node is written as a letter for its kind and its id.
"""

import json
from collections.abc import Iterable
from functools import cache
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection

from core.bounded_count import COUNT_LIMIT

# Of an artifact whose versions are folded into it, only the newest count: it may have a hundred thousand.
_FOLDED_VERSIONS = 1000
# How many edges one level may read for each node that the answer may have, before those seen already are left out.
_EDGES_PER_NODE = 20

VERSION, ARTIFACT, RUN = "v", "a", "r"
UPSTREAM, DOWNSTREAM = "u", "d"


class Ref(NamedTuple):
    """A node: the letter of its kind, and its id."""

    kind: str
    pk: UUID

    def __str__(self) -> str:
        return f"{self.kind}{self.pk if connection.vendor == 'postgresql' else self.pk.hex}"


class Step(NamedTuple):
    """A node that was found on that side of the root, so many edges away."""

    side: str
    distance: int
    ref: Ref


class _Neighbours(NamedTuple):
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


_USAGE, _SOURCE, _VERSION = "artifacts_artifactusage", "artifacts_versionsource", "artifacts_artifactversion"
# A draft is no part of lineage until it is finalized; a version that was deleted later still is.
_PLAIN = (
    _Neighbours(DOWNSTREAM, VERSION, "'r' || e.run_id", _USAGE, f"{_USAGE} e", "e.version_id = {id}"),
    _Neighbours(
        DOWNSTREAM, VERSION, "'v' || e.version_id", _SOURCE,
        f"{_SOURCE} e JOIN {_VERSION} v ON v.id = e.version_id", "e.source_id = {id} AND v.finalized_at IS NOT NULL",
    ),
    _Neighbours(
        DOWNSTREAM, RUN, "'v' || e.id", _VERSION, f"{_VERSION} e", "e.run_id = {id} AND e.finalized_at IS NOT NULL"
    ),
    _Neighbours(
        UPSTREAM, VERSION, "'r' || e.run_id", _VERSION, f"{_VERSION} e", "e.id = {id} AND e.run_id IS NOT NULL"
    ),
    _Neighbours(UPSTREAM, VERSION, "'v' || e.source_id", _SOURCE, f"{_SOURCE} e", "e.version_id = {id}"),
    _Neighbours(UPSTREAM, RUN, "'v' || e.version_id", _USAGE, f"{_USAGE} e", "e.run_id = {id}"),
)  # fmt: skip

_OWN = (
    f"(SELECT id, number FROM {_VERSION} WHERE artifact_id = {{id}} AND finalized_at IS NOT NULL "
    f"ORDER BY number DESC LIMIT {_FOLDED_VERSIONS}) o"
)
_NEWEST = "o.number DESC, e.id DESC"


def _artifact_of(column: str) -> str:
    return f"'a' || (SELECT artifact_id FROM {_VERSION} WHERE id = {column})"


_FOLDED = (
    _Neighbours(DOWNSTREAM, ARTIFACT, "'r' || e.run_id", _USAGE, "", "1 = 1", _NEWEST, "version_id"),
    _Neighbours(
        DOWNSTREAM, ARTIFACT, _artifact_of("e.version_id"), _SOURCE, f"JOIN {_VERSION} v ON v.id = e.version_id",
        "v.finalized_at IS NOT NULL", _NEWEST, "source_id",
    ),
    _Neighbours(
        DOWNSTREAM, RUN, "'a' || e.artifact_id", _VERSION, f"{_VERSION} e",
        "e.run_id = {id} AND e.finalized_at IS NOT NULL",
    ),
    _Neighbours(UPSTREAM, ARTIFACT, "'r' || e.run_id", _VERSION, "", "e.run_id IS NOT NULL", _NEWEST, "id"),
    _Neighbours(UPSTREAM, ARTIFACT, _artifact_of("e.source_id"), _SOURCE, "", "1 = 1", _NEWEST, "version_id"),
    _Neighbours(UPSTREAM, RUN, _artifact_of("e.version_id"), _USAGE, f"{_USAGE} e", "e.run_id = {id}"),
)  # fmt: skip


def steps(root: Ref, sides: Iterable[str], *, depth: int, limit: int, siblings: int, fold: bool) -> list[Step]:
    """What lies on these sides of the root, on each at most `limit` nodes with the root, the nearest first. One query.

    With `fold` the root is an artifact or a run, and artifacts stand for their versions.
    """
    values = {"depth": depth, "limit": limit, "siblings": siblings, "edges": max(1000, limit * _EDGES_PER_NODE)}
    if connection.vendor == "postgresql":
        values |= {"seen": [str(root)], "sides": list(sides)}
    else:
        values |= {"seen": f'"{root}"', "sides": json.dumps(list(sides))}
    rows = _rows(_steps_sql(fold, connection.vendor), values)
    return [Step(side, distance, _parse(node)) for side, distance, node in rows if distance]


def downstream(root: Ref, limit: int) -> list[Ref]:
    """Everything that was made from the version, directly or not, at most so many. One query."""
    values = {"root": str(root), "limit": limit + 1, "siblings": limit + 1}
    rows = _rows(_downstream_sql(connection.vendor), values)
    return [ref for (node,) in rows if (ref := _parse(node)) != root][:limit]


def degrees(refs: Iterable[Ref], *, fold: bool) -> dict[Ref, tuple[int, int]]:
    """How many neighbours each node has upstream and downstream, each `COUNT_LIMIT` + 1 for more. One query."""
    nodes = [str(ref) for ref in refs]
    is_postgres = connection.vendor == "postgresql"
    rows = _rows(_degrees_sql(fold, connection.vendor), {"nodes": nodes if is_postgres else json.dumps(nodes)})
    most = COUNT_LIMIT + 1
    return {_parse(node): (min(upstream, most), min(downstream, most)) for node, upstream, downstream in rows}


def _parse(node: str) -> Ref:
    return Ref(node[0], UUID(node[1:]))


def _rows(sql: str, values: dict[str, Any]) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return cursor.fetchall()


@cache
def _steps_sql(fold: bool, vendor: str) -> str:
    branches = _FOLDED if fold else _PLAIN
    if vendor == "postgresql":
        found = " UNION ALL ".join(f"({_lateral(branch, _of_side(branch))})" for branch in branches)
        return f"""
            WITH RECURSIVE walk (side, distance, seen, start) AS (
                SELECT s.side, 0, %(seen)s::text[], 0 FROM unnest(%(sides)s::text[]) AS s(side)
                UNION ALL
                SELECT w.side, w.distance + 1, w.seen || ARRAY(
                    SELECT found.node FROM (
                        SELECT n.node, f.nth FROM unnest(w.seen) WITH ORDINALITY AS f(node, nth)
                        CROSS JOIN LATERAL ({found}) n WHERE f.nth > w.start LIMIT %(edges)s
                    ) found
                    WHERE found.node NOT IN (SELECT unnest(w.seen))
                    GROUP BY found.node ORDER BY min(found.nth), found.node DESC
                    LIMIT greatest(%(limit)s - cardinality(w.seen), 0)
                ), cardinality(w.seen)
                FROM walk w
                WHERE w.distance < %(depth)s AND cardinality(w.seen) > w.start AND cardinality(w.seen) < %(limit)s
            )
            SELECT w.side, w.distance, f.node FROM walk w
            CROSS JOIN LATERAL unnest(w.seen) WITH ORDINALITY AS f(node, nth)
            WHERE f.nth > w.start ORDER BY w.side, f.nth
        """
    seen = "json_each('[' || w.seen || ']')"
    frontier = f"(SELECT key AS nth, value AS node FROM {seen})"
    found = " UNION ALL ".join(
        f"{_joined(branch, frontier, 'f.nth')} AND {_of_side(branch)} AND f.nth >= w.start" for branch in branches
    )
    length = "json_array_length('[' || w.seen || ']')"
    return f"""
        WITH RECURSIVE walk (side, distance, seen, start) AS (
            SELECT value, 0, %(seen)s, 0 FROM json_each(%(sides)s)
            UNION ALL
            SELECT w.side, w.distance + 1, w.seen || coalesce((
                SELECT group_concat(',"' || node || '"', '') FROM (
                    SELECT node, row_number() OVER (ORDER BY min(nth), node DESC) AS rank
                    FROM (SELECT node, nth FROM ({found}) LIMIT %(edges)s)
                    WHERE node NOT IN (SELECT value FROM {seen}) GROUP BY node ORDER BY rank
                ) WHERE rank <= %(limit)s - {length}
            ), ''), {length}
            FROM walk w
            WHERE w.distance < %(depth)s AND {length} > w.start AND {length} < %(limit)s
        )
        SELECT w.side, w.distance, f.value FROM walk w CROSS JOIN {seen} f
        WHERE f.key >= w.start ORDER BY w.side, f.key
    """


@cache
def _downstream_sql(vendor: str) -> str:
    branches = [branch for branch in _PLAIN if branch.side == DOWNSTREAM]
    if vendor == "postgresql":
        found = " UNION ALL ".join(f"({_lateral(branch)})" for branch in branches)
        return f"""
            WITH RECURSIVE walk (node) AS (
                SELECT %(root)s::text UNION SELECT n.node FROM walk f CROSS JOIN LATERAL ({found}) n
            )
            SELECT node FROM walk LIMIT %(limit)s
        """
    found = " UNION ".join(_joined(branch, "walk") for branch in branches)
    return f"""
        WITH RECURSIVE walk (node) AS (SELECT %(root)s UNION {found} LIMIT %(limit)s) SELECT node FROM walk
    """


@cache
def _degrees_sql(fold: bool, vendor: str) -> str:
    branches = _FOLDED if fold else _PLAIN
    nodes = "unnest(%(nodes)s::text[]) AS f(node)"
    if vendor != "postgresql":
        nodes = "(SELECT value AS node FROM json_each(%(nodes)s)) f"
    upstream, downstream = (
        " + ".join(_count(branch) for branch in branches if branch.side == side) for side in (UPSTREAM, DOWNSTREAM)
    )
    return f"SELECT f.node, {upstream}, {downstream} FROM {nodes}"


def _lateral(branch: _Neighbours, condition: str = "1 = 1") -> str:
    """The neighbours of a node `f` on PostgreSQL, for LATERAL."""
    return (
        f"SELECT {branch.node} AS node FROM {_tables(branch)} "
        f"WHERE {condition} AND {_of_kind(branch)} AND {branch.condition.format(id=_id())} "
        f"ORDER BY {branch.order} LIMIT %(siblings)s"
    )


def _joined(branch: _Neighbours, nodes: str, *columns: str) -> str:
    """The same on SQLite, which has no LATERAL: a subquery finds the rows, each by its number."""
    found = (
        f"SELECT e.rowid FROM {_tables(branch)} WHERE {branch.condition.format(id=_id())} "
        f"ORDER BY {branch.order} LIMIT %(siblings)s"
    )
    selected = ", ".join([f"{branch.node} AS node", *columns])
    return (
        f"SELECT {selected} FROM {nodes} f CROSS JOIN {branch.table} e ON e.rowid IN ({found}) WHERE {_of_kind(branch)}"
    )


def _count(branch: _Neighbours) -> str:
    return (
        f"(SELECT count(DISTINCT c.node) FROM (SELECT {branch.node} AS node FROM {_tables(branch)} "
        f"WHERE {_of_kind(branch)} AND {branch.condition.format(id=_id())} LIMIT {COUNT_LIMIT + 1}) c "
        "WHERE c.node <> f.node)"
    )


def _tables(branch: _Neighbours) -> str:
    if not branch.own_key:
        return branch.tables
    own = _OWN.format(id=_id())
    if connection.vendor != "postgresql":
        return f"{own} JOIN {branch.table} e ON e.{branch.own_key} = o.id {branch.tables}"
    # With a plain join the planner may read the whole table for a version that has few rows of it.
    rows = f"SELECT * FROM {branch.table} x WHERE x.{branch.own_key} = o.id ORDER BY x.id DESC LIMIT {COUNT_LIMIT + 1}"
    return f"{own} CROSS JOIN LATERAL ({rows}) e {branch.tables}"


def _id() -> str:
    return "substr(f.node, 2)::uuid" if connection.vendor == "postgresql" else "substr(f.node, 2)"


def _of_kind(branch: _Neighbours) -> str:
    return f"substr(f.node, 1, 1) = '{branch.kind}'"


def _of_side(branch: _Neighbours) -> str:
    return f"w.side = '{branch.side}'"
