"""A lineage graph as people can take it in: of many siblings the first ones, and the rest folded into one node."""

from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import blake2s
from itertools import groupby

from artifacts.lineage.graph import Graph, Node

UPSTREAM, DOWNSTREAM = "upstream", "downstream"
# In the place of a fold's key: nothing is folded.
ALL = "all"
# Siblings that are not folded, and those that come each time a fold is opened.
FIRST, STEP = 6, 40
_WORDS = {"run": "runs", "version": "versions", "artifact": "artifacts", "private": "private items"}


@dataclass(slots=True)
class Fold:
    """Siblings that are not shown one by one, and the number of nodes `behind` that only they lead to."""

    id: str
    kind: str
    side: str
    count: int
    behind: int = 0

    @property
    def label(self) -> str:
        return f"{self.count:,} more {_WORDS[self.kind]}"

    @property
    def next(self) -> int:
        """How many of them come when it is opened."""
        return min(self.count, STEP) if self.count > STEP + 1 else self.count


@dataclass(slots=True)
class Link:
    """An edge between two of the nodes and folds that are shown, or all those between the same two."""

    source: str
    target: str
    kinds: list[str] = field(default_factory=list)
    requested_as: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Step:
    """A node or fold as one meets it on the way from the root: next to `parent`, on this side of it."""

    item: Node | Fold
    parent: str
    side: str
    level: int


@dataclass(slots=True)
class FoldedGraph:
    """What is shown: steps by id, breadth first from the root, which is the first; and the links between them."""

    steps: dict[str, Step]
    links: list[Link]

    @property
    def folds(self) -> list[Fold]:
        return [step.item for step in self.steps.values() if isinstance(step.item, Fold)]

    def children(self) -> dict[str, list[Step]]:
        """The steps by the id of their parent."""
        children: dict[str, list[Step]] = defaultdict(list)
        for step in self.steps.values():
            children[step.parent].append(step)
        return children


def fold(graph: Graph, opened: Sequence[str] = ()) -> FoldedGraph:
    """The graph, with siblings folded: those of one kind on one side of a node, where they are many.

    `opened` are ids of folds, each as often as it was opened, or `ALL`.
    """
    nodes = {node.id: node for node in graph.nodes}
    neighbours = _neighbours(graph)
    steps = {graph.root: Step(nodes[graph.root], "", "", 0)}
    owner = {graph.root: graph.root}
    members: dict[str, list[str]] = {}
    queue = deque([graph.root])
    while queue:
        parent = queue.popleft()
        new = [(side, nodes[one]) for side, one in neighbours[parent] if one not in owner]
        for side, kind, siblings in _siblings(new):
            key = blake2s(f"{parent} {side} {kind}".encode(), digest_size=4).hexdigest()
            shown, rest = _split(siblings, key, opened)
            level = steps[parent].level + 1
            for node in shown:
                steps[node.id] = Step(node, parent, side, level)
                owner[node.id] = node.id
                queue.append(node.id)
            if rest:
                steps[key] = Step(Fold(key, kind, side, len(rest)), parent, side, level)
                members[key] = [node.id for node in rest]
                owner |= dict.fromkeys(members[key], key)
    links = _links(graph, owner)
    _hide_behind(steps, owner, members, neighbours)
    return FoldedGraph(steps, links)


def _neighbours(graph: Graph) -> dict[str, list[tuple[str, str]]]:
    neighbours: dict[str, dict[tuple[str, str], None]] = defaultdict(dict)
    for edge in graph.edges:
        neighbours[edge.target][UPSTREAM, edge.source] = None
        neighbours[edge.source][DOWNSTREAM, edge.target] = None
    return defaultdict(list, {one: list(others) for one, others in neighbours.items()})


def _siblings(new: list[tuple[str, Node]]) -> Iterator[tuple[str, str, list[Node]]]:
    """By side and kind, each node once; those first that people look for: with aliases, running, new."""
    by_id = {node.id: (side, node) for side, node in reversed(new)}
    rows = sorted(by_id.values(), key=lambda row: (row[0], row[1].kind))
    for (side, kind), group in groupby(rows, key=lambda row: (row[0], row[1].kind)):
        yield side, kind, sorted((node for _, node in group), key=_importance)


def _importance(node: Node) -> tuple[bool, bool, float, str]:
    age = -node.created_at.timestamp() if node.created_at else 0.0
    return not node.aliases, node.state != "running", age, node.id


def _split(siblings: list[Node], key: str, opened: Sequence[str]) -> tuple[list[Node], list[Node]]:
    """Those that are shown, and the rest; one alone is never folded."""
    count = FIRST + STEP * opened.count(key)
    if ALL in opened or len(siblings) <= count + 1:
        return siblings, []
    return siblings[:count], siblings[count:]


def _hide_behind(
    steps: dict[str, Step],
    owner: dict[str, str],
    members: dict[str, list[str]],
    neighbours: dict[str, list[tuple[str, str]]],
) -> None:
    """What only folded nodes lead to is in the fold of the one that is nearest."""
    queue = deque(one for folded in members.values() for one in folded)
    while queue:
        one = queue.popleft()
        for _, other in neighbours[one]:
            if other not in owner:
                owner[other] = owner[one]
                steps[owner[one]].item.behind += 1
                queue.append(other)


def _links(graph: Graph, owner: dict[str, str]) -> list[Link]:
    """Without those of nodes behind a fold, which would lead to it from everywhere."""
    links: dict[tuple[str, str], Link] = {}
    for edge in graph.edges:
        ends = owner.get(edge.source), owner.get(edge.target)
        if None in ends or ends[0] == ends[1]:
            continue
        link = links.setdefault(ends, Link(*ends))
        link.kinds = list(dict.fromkeys([*link.kinds, edge.kind]))
        link.requested_as = list(dict.fromkeys([*link.requested_as, *edge.requested_as]))
    return list(links.values())
