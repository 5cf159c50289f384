"""Lineage: the versions and runs that something was made from, and what was made from it, as a bounded graph."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

from artifacts.models import Artifact, ArtifactVersion
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
    thing: ArtifactVersion | Artifact | Run | None = None
    aliases: list[str] = field(default_factory=list)
    more: More = NOTHING

    @property
    def name(self) -> str:
        """Of a run what people call it, else the artifact's; "" for a private node."""
        raise NotImplementedError

    @property
    def type(self) -> str:
        """The artifact's type; "" for runs and private nodes."""
        raise NotImplementedError

    @property
    def url(self) -> str:
        """The path of its page; "" for what has none: a private node, a version that was deleted."""
        raise NotImplementedError

    @property
    def project(self) -> str:
        """`team/project`; "" for a private node."""
        raise NotImplementedError

    @property
    def version(self) -> str | None:
        """`v3`; None for all but versions, and for a draft without a number."""
        raise NotImplementedError

    @property
    def size(self) -> int | None:
        """Bytes of all files of a version, references included."""
        raise NotImplementedError

    @property
    def state(self) -> str:
        """`draft`, `finalized` or `deleted`; of a run `running`, `finished`, `crashed`, `killed`; else ""."""
        raise NotImplementedError

    @property
    def job_type(self) -> str:
        raise NotImplementedError

    @property
    def created_at(self) -> datetime | None:
        raise NotImplementedError


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
    """
    raise NotImplementedError
