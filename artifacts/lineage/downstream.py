"""All that was made from some versions, however far, in one recursive query, with what decides how it is listed.

The array of all nodes seen so far, which `traversal` carries, would be copied too often here. So the recursion is over
nodes alone, and `UNION` drops those that came before. How far each is follows from what it was made from.
"""

import json
from collections.abc import Collection
from functools import cache
from typing import NamedTuple
from uuid import UUID

from django.db import connection

from artifacts.lineage import neighbours
from artifacts.lineage.neighbours import DOWNSTREAM, PLAIN, RUN, UPSTREAM, VERSION, VERSIONS, Ref

_ARTIFACTS, _ALIASES, _RUNS = "artifacts_artifact", "artifacts_artifactalias", "projects_run"


class Found(NamedTuple):
    """A version with its artifact, or a run, and the nodes among all those found that it was made from.

    `state` and `project` are None where it was deleted at this moment.
    """

    ref: Ref
    state: str | None
    project: UUID | None
    artifact: UUID | None
    auto_latest: bool
    aliases: list[str]
    sources: list[Ref]


def of(roots: Collection[UUID], limit: int, *, siblings: int | None = None) -> list[Found]:
    """The versions `roots`, and at most so many versions and runs downstream of them, nearest first. One query.

    Of those next to one node in one way there are at most `siblings`, the newest.
    """
    most = len(roots) + limit
    values = {"roots": json.dumps([str(Ref(VERSION, pk)) for pk in roots]), "limit": most, "siblings": siblings or most}
    return [_found(*row) for row in neighbours.fetch(_sql(connection.vendor), values)]


def _found(node: str, state: str, project: object, artifact: object, auto_latest: object, *lists: str | None) -> Found:
    aliases, sources = ((text or "").split() for text in lists)
    ids = _uuid(project), _uuid(artifact)
    return Found(Ref.parse(node), state, *ids, bool(auto_latest), aliases, list(map(Ref.parse, sources)))


def _uuid(value: object) -> UUID | None:
    return UUID(str(value)) if value else None


@cache
def _sql(vendor: str) -> str:
    sources = " UNION ALL ".join(neighbours.all_of(branch) for branch in PLAIN if branch.side == UPSTREAM)
    concat = "string_agg" if neighbours.is_postgres() else "group_concat"
    # As a truth value, not as a join, PostgreSQL looks it up in a table of the nodes that it makes once.
    is_found = "(s.node IN (SELECT node FROM found)) IS TRUE"
    return f"""
        WITH RECURSIVE walk (node) AS ({_walk_sql()}), found AS MATERIALIZED (
            SELECT w.node, row_number() OVER () AS place FROM (SELECT node FROM walk LIMIT %(limit)s) w
        )
        SELECT f.node, coalesce(v.state, r.state), coalesce(a.project_id, r.project_id), a.id, a.auto_latest,
            (SELECT {concat}(x.alias, ' ') FROM (
                SELECT alias FROM {_ALIASES} WHERE version_id = v.id ORDER BY sort_key
            ) x),
            (SELECT {concat}(s.node, ' ') FROM ({sources}) s WHERE {is_found})
        FROM found f
        LEFT JOIN {VERSIONS} v ON {neighbours.of_kind(VERSION)} AND v.id = {neighbours.node_id()}
        LEFT JOIN {_ARTIFACTS} a ON a.id = v.artifact_id
        LEFT JOIN {_RUNS} r ON {neighbours.of_kind(RUN)} AND r.id = {neighbours.node_id()}
        ORDER BY f.place
    """


def _walk_sql() -> str:
    branches = [branch for branch in PLAIN if branch.side == DOWNSTREAM]
    if neighbours.is_postgres():
        found = " UNION ALL ".join(f"({neighbours.lateral(branch, '%(siblings)s')})" for branch in branches)
        roots = "SELECT jsonb_array_elements_text(%(roots)s::jsonb)"
        return f"{roots} UNION SELECT n.node FROM walk f CROSS JOIN LATERAL ({found}) n"
    found = " UNION ".join(neighbours.joined(branch, "%(siblings)s", "walk") for branch in branches)
    return f"SELECT value FROM json_each(%(roots)s) UNION {found} LIMIT %(limit)s"
