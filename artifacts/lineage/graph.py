"""Lineage: the versions and runs that something was made from, and what was made from it, as a bounded graph."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

from artifacts import errors
from artifacts.lineage import edges, nodes, recursive_queries
from artifacts.lineage.nodes import Thing
from artifacts.lineage.recursive_queries import ARTIFACT, DOWNSTREAM, RUN, UPSTREAM, VERSION, Ref
from artifacts.models import Artifact, ArtifactVersion
from core.bounded_count import COUNT_LIMIT
from projects.models import Run

MAX_DEPTH, DEFAULT_DEPTH = 50, 3
MAX_NODES, DEFAULT_NODES = 5000, 500


class Direction(StrEnum):
    UPSTREAM = "upstream"
    DOWNSTREAM = "downstream"
    BOTH = "both"


class NodeKind(StrEnum):
    VERSION = "version"
    ARTIFACT = "artifact"
    RUN = "run"
    PRIVATE = "private"


class EdgeKind(StrEnum):
    """A run logged a version, a run used a version, a version was derived from another one without a run."""

    LOGGED = "logged"
    USED = "used"
    DERIVED = "derived"


class More(NamedTuple):
    """How many neighbours of a node the graph leaves out; `bounded_count.COUNT_LIMIT` + 1 for any that are more.

    0 in a direction that was not asked for, and of a private node.
    """

    upstream: int
    downstream: int


NOTHING = More(0, 0)


@dataclass(frozen=True, slots=True)
class Node:
    """A version, an artifact, a run, or something that the reader may not see, of which only the edges are known.

    `id` is that of the thing; of a private one it holds for this graph alone. `distance` is 0 for the root, negative
    upstream and positive downstream. `thing` is the row with its project and team, None for a private one.
    """

    id: str
    kind: NodeKind
    distance: int
    thing: Thing | None = None
    aliases: list[str] = field(default_factory=list)
    more: More = NOTHING

    @property
    def name(self) -> str:
        """Of a run what people call it, else the artifact's; "" for a private node."""
        if isinstance(self.thing, Run):
            return self.thing.title
        return self.artifact.name if self.artifact else ""

    @property
    def artifact(self) -> Artifact | None:
        """The artifact itself, or that of a version."""
        return self.thing.artifact if isinstance(self.thing, ArtifactVersion) else _only(Artifact, self.thing)

    @property
    def type(self) -> str:
        """The artifact's type; "" for runs and private nodes."""
        return self.artifact.type if self.artifact else ""

    @property
    def url(self) -> str:
        """The path of its page; "" for what has none: a private node, a version that was deleted."""
        if self.thing is None or self.state == ArtifactVersion.State.DELETED:
            return ""
        return self.thing.get_absolute_url()

    @property
    def project(self) -> str:
        """`team/project`; "" for a private node."""
        return nodes.project_of(self.thing).full_name if self.thing else ""

    @property
    def version(self) -> str | None:
        """`v3`; None for all but versions, and for a draft without a number."""
        return self.thing.version if isinstance(self.thing, ArtifactVersion) else None

    @property
    def size(self) -> int | None:
        """Bytes of all files of a version, references included."""
        return self.thing.total_size if isinstance(self.thing, ArtifactVersion) else None

    @property
    def state(self) -> str:
        """`draft`, `finalized` or `deleted`; of a run `running`, `finished`, `crashed`, `killed`; else ""."""
        return self.thing.state if isinstance(self.thing, ArtifactVersion | Run) else ""

    @property
    def job_type(self) -> str:
        return self.thing.job_type if isinstance(self.thing, Run) else ""

    @property
    def created_at(self) -> datetime | None:
        if self.thing is None:
            return None
        return self.thing.started_at if isinstance(self.thing, Run) else self.thing.created_at


@dataclass(frozen=True, slots=True)
class Edge:
    """Data went from `source` to `target`, which are ids of nodes.

    `requested_as` are the aliases and versions by which the source was asked for, at that time.
    """

    source: str
    target: str
    kind: EdgeKind
    requested_as: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Graph:
    """`nodes` begins with the root, then nearest first. `truncated` if depth or limit left out what was asked for."""

    root: str
    nodes: list[Node]
    edges: list[Edge]
    truncated: bool


def lineage(
    user: Any,
    root: ArtifactVersion | Artifact | Run,
    *,
    direction: Direction = Direction.BOTH,
    depth: int = DEFAULT_DEPTH,
    limit: int = DEFAULT_NODES,
    siblings: int | None = None,
    fold: bool = False,
) -> Graph:
    """The graph around a version, artifact or run that the user may see, with its project and team.

    With `fold`, and always around an artifact, an artifact stands for all its versions. There are at most `limit`
    nodes, at most `depth` steps away, the nearest first, and at most `siblings` new neighbours of one node in one
    direction. What lies behind a node that was cut off is the lineage of that node. A fixed number of queries.
    Raises `Invalid`.
    """
    _require_between("depth", depth, MAX_DEPTH)
    _require_between("limit", limit, MAX_NODES)
    _require_between("siblings", limit if siblings is None else siblings, MAX_NODES)
    if isinstance(root, ArtifactVersion) and fold:
        root = root.artifact
    fold = fold or isinstance(root, Artifact)
    start = Ref(_letter(root), root.pk)
    sides = [letter for letter, name in _SIDES.items() if direction in (name, Direction.BOTH)]
    most = limit if siblings is None else min(siblings, limit)
    found = recursive_queries.steps(start, sides, depth=depth, limit=limit, siblings=most, fold=fold)
    distances = _nearest(start, found, limit)
    degrees = recursive_queries.degrees(distances, fold=fold)
    things = nodes.load(distances)
    links = _links(things, degrees, fold)
    drafts = {ref for ref, thing in things.items() if ref.kind == VERSION and thing.finalized_at is None}
    more = _more(degrees, links, sides, drafts)
    visible = nodes.visible(user, things)
    ids = _ids(distances, visible)
    return Graph(
        str(start.pk),
        [_node(ids[ref], distance, visible.get(ref), more[ref]) for ref, distance in distances.items()],
        [_edge(ids, visible, link) for link in links],
        _is_truncated(start, found, distances, more),
    )


_SIDES = {UPSTREAM: Direction.UPSTREAM, DOWNSTREAM: Direction.DOWNSTREAM}
_KINDS = {VERSION: NodeKind.VERSION, ARTIFACT: NodeKind.ARTIFACT, RUN: NodeKind.RUN}


def _only(model: type[Artifact], thing: Thing | None) -> Artifact | None:
    return thing if isinstance(thing, model) else None


def _letter(thing: Thing) -> str:
    return {ArtifactVersion: VERSION, Artifact: ARTIFACT, Run: RUN}[type(thing)]


def _require_between(name: str, value: int, most: int) -> None:
    if not 1 <= value <= most:
        raise errors.Invalid(f"`{name}` is from 1 to {most:,}, not {value}.")


def _nearest(start: Ref, found: Iterable[recursive_queries.Step], limit: int) -> dict[Ref, int]:
    """The distance of each node, negative upstream, the root first and then by distance.

    Where there are too many, each side has half of the room, and what the other side leaves over.
    """
    sides: dict[str, list[recursive_queries.Step]] = {UPSTREAM: [], DOWNSTREAM: []}
    for step in found:
        sides[step.side].append(step)
    room = limit - 1
    before = min(len(sides[UPSTREAM]), max(room // 2, room - len(sides[DOWNSTREAM])))
    kept = [*sides[UPSTREAM][:before], *sides[DOWNSTREAM][: room - before]]
    distances = {start: 0}
    for step in sorted(kept, key=lambda step: step.distance):
        distances.setdefault(step.ref, step.distance if step.side == DOWNSTREAM else -step.distance)
    return distances


def _links(things: dict[Ref, Thing], degrees: dict[Ref, tuple[int, int]], fold: bool) -> list[edges.Link]:
    runs = [ref.pk for ref in things if ref.kind == RUN]
    if fold:
        return edges.between_artifacts([ref.pk for ref in things if ref.kind == ARTIFACT], runs)
    runs_of = {ref.pk: thing.run_id for ref, thing in things.items() if isinstance(thing, ArtifactVersion)}
    of_runs = sum(degrees[ref][0] for ref in things if ref.kind == RUN)
    of_versions = sum(degrees[ref][1] for ref in things if ref.kind == VERSION)
    return edges.between_versions(runs_of, runs, from_runs=of_runs < of_versions)


def _more(
    degrees: dict[Ref, tuple[int, int]], links: Iterable[edges.Link], sides: Iterable[str], drafts: set[Ref]
) -> dict[Ref, More]:
    """A draft is no neighbour of what it is made from: it is there only as the root."""
    included: dict[tuple[Ref, str], set[Ref]] = defaultdict(set)
    for link in links:
        if link.target not in drafts:
            included[link.source, DOWNSTREAM].add(link.target)
        included[link.target, UPSTREAM].add(link.source)

    def hidden(ref: Ref, side: str, degree: int) -> int:
        if side not in sides or degree > COUNT_LIMIT:
            return degree if side in sides else 0
        return max(degree - len(included[ref, side]), 0)

    return {
        ref: More(hidden(ref, UPSTREAM, upstream), hidden(ref, DOWNSTREAM, downstream))
        for ref, (upstream, downstream) in degrees.items()
    }


def _is_truncated(
    start: Ref, found: Iterable[recursive_queries.Step], distances: dict[Ref, int], more: dict[Ref, More]
) -> bool:
    """Whether a node that was reached on a side goes on there, or was left out itself."""
    reached = [(step.side, step.ref) for step in found]
    if any(ref not in distances for _, ref in reached):
        return True
    if more[start].upstream or more[start].downstream:
        return True
    return any(more[ref].upstream if side == UPSTREAM else more[ref].downstream for side, ref in reached)


def _ids(distances: Iterable[Ref], visible: dict[Ref, Thing]) -> dict[Ref, str]:
    """By node its id in the answer, which of a private one says nothing."""
    ids: dict[Ref, str] = {}
    hidden = 0
    for ref in distances:
        hidden += ref not in visible
        ids[ref] = str(ref.pk) if ref in visible else f"private-{hidden}"
    return ids


def _node(pk: str, distance: int, thing: Thing | None, more: More) -> Node:
    if thing is None:
        return Node(pk, NodeKind.PRIVATE, distance)
    aliases = thing.alias_names if isinstance(thing, ArtifactVersion) else []
    return Node(pk, _KINDS[_letter(thing)], distance, thing, aliases, more)


def _edge(ids: dict[Ref, str], visible: dict[Ref, Thing], link: edges.Link) -> Edge:
    """How a private run asked is nobody else's business, nor how a private version is called."""
    names = link.requested_as if link.source in visible and link.target in visible else ()
    return Edge(ids[link.source], ids[link.target], EdgeKind(link.kind), names)
