"""Lineage: the versions and runs that something was made from, and what was made from it, as a bounded graph."""

from collections import defaultdict
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple
from uuid import UUID

from artifacts import errors
from artifacts.lineage import edges, nodes, traversal
from artifacts.lineage.neighbours import ARTIFACT, DOWNSTREAM, RUN, UPSTREAM, VERSION, Ref
from artifacts.lineage.nodes import Thing
from artifacts.lineage.traversal import Start, Step, Walk
from artifacts.models import Artifact, ArtifactVersion
from core.bounded_count import COUNT_LIMIT
from projects.models import Run

MAX_DEPTH, DEFAULT_DEPTH = 50, 3
MAX_NODES, DEFAULT_NODES = 5000, 500
MAX_EXPANSIONS, _EXPANSION_DEPTH = 8, 2


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
        """`draft`, `finalized` or `deleted`; of a run `running`, `finished`, `failed` …; else ""."""
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


class Expansion(NamedTuple):
    """More of a node of the graph: the neighbours on a side of it that were cut off, and where these lead."""

    direction: Direction
    kind: NodeKind
    id: UUID


def lineage(
    user: Any,
    root: ArtifactVersion | Artifact | Run,
    *,
    direction: Direction = Direction.BOTH,
    depth: int = DEFAULT_DEPTH,
    limit: int = DEFAULT_NODES,
    siblings: int | None = None,
    fold: bool = False,
    expansions: Sequence[Expansion] = (),
) -> Graph:
    """The graph around a version, artifact or run that the user may see, with its project and team.

    With `fold`, and always around an artifact, an artifact stands for all its versions. There are at most `limit`
    nodes, at most `depth` steps away, the nearest first, and at most `siblings` new neighbours of one node in one
    direction. What lies behind a node that was cut off is the lineage of that node, or an expansion: each adds up to
    `DEFAULT_NODES`, and the first `MAX_EXPANSIONS` count, if the user sees their nodes. A fixed number of queries.
    Raises `Invalid`.
    """
    _require_between("depth", depth, MAX_DEPTH)
    _require_between("limit", limit, MAX_NODES)
    _require_between("siblings", limit if siblings is None else siblings, MAX_NODES)
    if isinstance(root, ArtifactVersion) and fold:
        root = root.artifact
    fold = fold or isinstance(root, Artifact)
    start = Ref(_letter(root), root.pk)
    sides = [side for side, name in _SIDES.items() if direction in (name, Direction.BOTH)]
    around = Walk([Start(side, start) for side in sides], depth, limit, limit if siblings is None else siblings)
    reached, expanded = _walk(around, expansions, fold=fold)
    distances = _nearest(start, reached, limit)
    things = nodes.load({*distances, *(step.ref for one in expanded for step in one.steps)})
    visible = nodes.visible(user, things)
    reached += _attach(distances, expanded, visible)
    steps = {step.ref: step for one in reached for step in one.steps if step.ref in distances}
    links = _links({ref: things[ref] for ref in distances if ref in things}, steps, fold)
    drafts = {ref for ref, thing in things.items() if ref.kind == VERSION and thing.finalized_at is None}
    more, ids = _more(steps, links, sides, drafts), _ids(distances, visible)
    return Graph(
        str(start.pk),
        [_node(ids[ref], distance, visible.get(ref), more[ref]) for ref, distance in distances.items()],
        [_edge(ids, visible, link) for link in links],
        any(_is_cut_off(one, distances, more) for one in reached),
    )


class _Reached(NamedTuple):
    """The start of a walk, and its steps, of which the first is the start."""

    start: Start
    steps: list[Step]


_SIDES = {UPSTREAM: Direction.UPSTREAM, DOWNSTREAM: Direction.DOWNSTREAM}
_KINDS = {VERSION: NodeKind.VERSION, ARTIFACT: NodeKind.ARTIFACT, RUN: NodeKind.RUN}


def _only(model: type[Artifact], thing: Thing | None) -> Artifact | None:
    return thing if isinstance(thing, model) else None


def _letter(thing: Thing) -> str:
    return {ArtifactVersion: VERSION, Artifact: ARTIFACT, Run: RUN}[type(thing)]


def _require_between(name: str, value: int, most: int) -> None:
    if not 1 <= value <= most:
        raise errors.Invalid(f"`{name}` is from 1 to {most:,}, not {value}.")


def _walk(around: Walk, expansions: Sequence[Expansion], *, fold: bool) -> tuple[list[_Reached], list[_Reached]]:
    """What is around the root, and what the expansions reach."""
    sides = {direction: side for side, direction in _SIDES.items()}
    letters = {kind: letter for letter, kind in _KINDS.items()}
    starts = [Start(sides[one.direction], Ref(letters[one.kind], one.id)) for one in expansions[:MAX_EXPANSIONS]]
    behind = Walk(starts, _EXPANSION_DEPTH, DEFAULT_NODES, DEFAULT_NODES)
    found = traversal.steps(around, behind, fold=fold)
    reached = list(map(_Reached, [*around.starts, *starts], found))
    return reached[: len(around.starts)], reached[len(around.starts) :]


def _nearest(start: Ref, reached: Iterable[_Reached], limit: int) -> dict[Ref, int]:
    """The distance of each node, negative upstream, the root first and then by distance.

    Where there are too many, each side has half of the room, and what the other side leaves over.
    """
    before, after = [], []
    for (side, _), (_, *steps) in reached:
        (before if side == UPSTREAM else after).extend(steps)
    room = limit - 1
    kept = min(len(before), max(room // 2, room - len(after)))
    signed = [(step.ref, -step.distance) for step in before[:kept]]
    signed += [(step.ref, step.distance) for step in after[: room - kept]]
    distances = {start: 0}
    for ref, distance in sorted(signed, key=lambda row: abs(row[1])):
        distances.setdefault(ref, distance)
    return distances


def _attach(distances: dict[Ref, int], expanded: Iterable[_Reached], visible: Mapping[Ref, Thing]) -> list[_Reached]:
    """Add what each expansion reaches, if its own node is there by then, and the user sees it. Returns those."""
    attached = []
    for one in expanded:
        (side, ref), steps = one
        if ref in distances and ref in visible:
            attached.append(one)
            sign = -1 if side == UPSTREAM else 1
            for step in steps:
                distances.setdefault(step.ref, distances[ref] + sign * step.distance)
    return attached


def _links(things: Mapping[Ref, Thing], steps: Mapping[Ref, Step], fold: bool) -> list[edges.Link]:
    runs = [ref.pk for ref in things if ref.kind == RUN]
    if fold:
        return edges.between_artifacts([ref.pk for ref in things if ref.kind == ARTIFACT], runs)
    runs_of = {ref.pk: thing.run_id for ref, thing in things.items() if isinstance(thing, ArtifactVersion)}
    of_runs = sum(steps[ref].upstream for ref in things if ref.kind == RUN)
    of_versions = sum(steps[ref].downstream for ref in things if ref.kind == VERSION)
    return edges.between_versions(runs_of, runs, from_runs=of_runs < of_versions)


def _more(
    steps: Mapping[Ref, Step], links: Iterable[edges.Link], sides: Iterable[str], drafts: Container[Ref]
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
        ref: More(hidden(ref, UPSTREAM, step.upstream), hidden(ref, DOWNSTREAM, step.downstream))
        for ref, step in steps.items()
    }


def _is_cut_off(reached: _Reached, distances: Container[Ref], more: Mapping[Ref, More]) -> bool:
    """Whether a node that was reached goes on on that side, or was left out itself."""
    side = _SIDES[reached.start.side].value
    return any(step.ref not in distances or getattr(more[step.ref], side) for step in reached.steps)


def _ids(distances: Iterable[Ref], visible: Container[Ref]) -> dict[Ref, str]:
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


def _edge(ids: Mapping[Ref, str], visible: Container[Ref], link: edges.Link) -> Edge:
    """How a private run asked is nobody else's business, nor how a private version is called."""
    names = link.requested_as if link.source in visible and link.target in visible else ()
    return Edge(ids[link.source], ids[link.target], EdgeKind(link.kind), names)
