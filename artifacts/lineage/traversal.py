"""From some nodes step by step to what lies around them, nearest first, in one recursive query.

It has a row a level, which carries all nodes seen so far as one array: so each node is visited once, however many
paths lead to it. With a row a node, the same node would come back at each distance at which a path leads to it, and
again and again in a cycle.
"""

import itertools
import json
from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

from django.db import connection

from artifacts.lineage import neighbours
from artifacts.lineage.neighbours import DOWNSTREAM, FOLDED, PLAIN, UPSTREAM, Branch, Ref
from core.bounded_count import COUNT_LIMIT

# How many edges one level may read for each node that the answer may have, before those seen already are left out.
_EDGES_PER_NODE = 20


class Start(NamedTuple):
    """A node to go from, on one side of it."""

    side: str
    ref: Ref


class Walk(NamedTuple):
    """From each start at most `depth` steps, to at most `limit` nodes with the start, `siblings` next to one node."""

    starts: Sequence[Start]
    depth: int
    limit: int
    siblings: int


class Step(NamedTuple):
    """A node, how far it is from the start, and how many neighbours it has: `COUNT_LIMIT` + 1 for more."""

    ref: Ref
    distance: int
    upstream: int
    downstream: int


def steps(*walks: Walk, fold: bool) -> list[list[Step]]:
    """For each start of these walks, in their order, the start and what lies on that side of it. One query.

    With `fold` the starts are artifacts and runs, and artifacts stand for their versions.
    """
    walks = tuple(walk for walk in walks if walk.starts)
    numbers = itertools.count()
    values: dict[str, Any] = {}
    for nth, walk in enumerate(walks):
        starts = [[next(numbers), start.side, str(start.ref)] for start in walk.starts]
        edges = max(1000, walk.limit * _EDGES_PER_NODE)
        bounds = {"depth": walk.depth, "limit": walk.limit, "siblings": walk.siblings, "edges": edges}
        values |= {f"{name}_{nth}": value for name, value in (bounds | {"starts": json.dumps(starts)}).items()}
    found: list[list[Step]] = [[] for _ in range(next(numbers))]
    for start, distance, node, *degrees in neighbours.fetch(_sql(len(walks), fold, connection.vendor), values):
        found[start].append(Step(Ref.parse(node), distance, *(min(degree, COUNT_LIMIT + 1) for degree in degrees)))
    return found


@cache
def _sql(walks: int, fold: bool, vendor: str) -> str:
    branches = FOLDED if fold else PLAIN
    dialect = (_postgres_walk, _POSTGRES_FOUND) if neighbours.is_postgres() else (_sqlite_walk, _SQLITE_FOUND)
    walk_sql, found_sql = dialect
    upstream, downstream = (neighbours.count(branches, side) for side in (UPSTREAM, DOWNSTREAM))
    tables = ", ".join(walk_sql(branches, nth) for nth in range(walks))
    found = " UNION ALL ".join(found_sql.format(walk=f"walk_{nth}") for nth in range(walks))
    return f"""
        WITH RECURSIVE {tables}, found AS MATERIALIZED ({found}),
        counted AS MATERIALIZED (
            SELECT f.node, {upstream} AS upstream, {downstream} AS downstream
            FROM (SELECT DISTINCT node FROM found) f
        )
        SELECT found.start, found.distance, found.node, counted.upstream, counted.downstream
        FROM found JOIN counted ON counted.node = found.node ORDER BY found.start, found.place
    """


# Of the nodes of a level those are new that are behind the first `known` ones.
_POSTGRES_FOUND = """
    SELECT w.start, w.distance, f.node, f.place FROM {walk} w
    CROSS JOIN LATERAL unnest(w.seen) WITH ORDINALITY AS f(node, place) WHERE f.place > w.known
"""
_SQLITE_SEEN = "json_each('[' || w.seen || ']')"
_SQLITE_FOUND = f"""
    SELECT w.start, w.distance, f.value AS node, f.key AS place FROM {{walk}} w CROSS JOIN {_SQLITE_SEEN} f
    WHERE f.key >= w.known
"""


def _postgres_walk(branches: Sequence[Branch], nth: int) -> str:
    siblings = f"%(siblings_{nth})s"
    found = " UNION ALL ".join(f"({neighbours.lateral(branch, siblings, _of_side(branch))})" for branch in branches)
    return f"""
        walk_{nth} (start, side, distance, seen, known) AS (
            SELECT (s ->> 0)::int, s ->> 1, 0, ARRAY[s ->> 2], 0 FROM jsonb_array_elements(%(starts_{nth})s::jsonb) s
            UNION ALL
            SELECT w.start, w.side, w.distance + 1, w.seen || ARRAY(
                SELECT found.node FROM (
                    SELECT n.node, f.place FROM unnest(w.seen) WITH ORDINALITY AS f(node, place)
                    CROSS JOIN LATERAL ({found}) n WHERE f.place > w.known LIMIT %(edges_{nth})s
                ) found
                WHERE found.node NOT IN (SELECT unnest(w.seen))
                GROUP BY found.node ORDER BY min(found.place), found.node DESC
                LIMIT greatest(%(limit_{nth})s - cardinality(w.seen), 0)
            ), cardinality(w.seen)
            FROM walk_{nth} w
            WHERE w.distance < %(depth_{nth})s AND cardinality(w.seen) > w.known
                AND cardinality(w.seen) < %(limit_{nth})s
        )
    """


def _sqlite_walk(branches: Sequence[Branch], nth: int) -> str:
    frontier = f"(SELECT key AS place, value AS node FROM {_SQLITE_SEEN})"
    near = ((branch, neighbours.joined(branch, f"%(siblings_{nth})s", frontier, "f.place")) for branch in branches)
    found = " UNION ALL ".join(f"{sql} AND {_of_side(branch)} AND f.place >= w.known" for branch, sql in near)
    length = "json_array_length('[' || w.seen || ']')"
    start, side, node = (f"json_extract(value, '$[{index}]')" for index in range(3))
    return f"""
        walk_{nth} (start, side, distance, seen, known) AS (
            SELECT {start}, {side}, 0, json_quote({node}), 0 FROM json_each(%(starts_{nth})s)
            UNION ALL
            SELECT w.start, w.side, w.distance + 1, w.seen || coalesce((
                SELECT group_concat(',"' || node || '"', '') FROM (
                    SELECT node, row_number() OVER (ORDER BY min(place), node DESC) AS number
                    FROM (SELECT node, place FROM ({found}) LIMIT %(edges_{nth})s)
                    WHERE node NOT IN (SELECT value FROM {_SQLITE_SEEN}) GROUP BY node ORDER BY number
                ) WHERE number <= %(limit_{nth})s - {length}
            ), ''), {length}
            FROM walk_{nth} w
            WHERE w.distance < %(depth_{nth})s AND {length} > w.known AND {length} < %(limit_{nth})s
        )
    """


def _of_side(branch: Branch) -> str:
    return f"w.side = '{branch.side}'"
