"""A lineage graph with some of its nodes expanded: the neighbours that were cut off, and where these lead."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from artifacts.lineage import graph as graphs
from artifacts.lineage.graph import Direction, Edge, Graph, More, Node, NodeKind

# Each costs as many queries as the page itself.
MAX_EXPANSIONS = 8
_DEPTH = 2


def expand(user: Any, graph: Graph, requested: Iterable[str], *, fold: bool) -> Graph:
    """The graph with these nodes of it expanded: `downstream.{id}`; others, and those beyond the bound, are left."""
    for word in list(requested)[:MAX_EXPANSIONS]:
        direction, _, id = word.partition(".")
        node = next((node for node in graph.nodes if node.id == id), None)
        if node is None or node.thing is None or direction not in (Direction.UPSTREAM, Direction.DOWNSTREAM):
            continue
        found = graphs.lineage(user, node.thing, direction=Direction(direction), depth=_DEPTH, fold=fold)
        graph = _merge(graph, _with_own_private_ids(found, graph, word))
    return graph


def _with_own_private_ids(found: Graph, into: Graph, word: str) -> Graph:
    """Ids of private nodes hold for one graph alone. Those beside the node that is expanded are there already."""
    hidden = {node.id for node in found.nodes if node.kind == NodeKind.PRIVATE}
    known = {node.id for node in into.nodes if node.kind == NodeKind.PRIVATE}
    ids = {id: f"{word}.{id}" for id in hidden}
    direction, root = word.partition(".")[0], found.root
    pairs = zip(_beside(found, root, direction, hidden), _beside(into, root, direction, known), strict=False)
    ids |= dict(pairs)
    edges = [replace(edge, source=ids.get(edge.source, edge.source), target=ids.get(edge.target, edge.target))
             for edge in found.edges]  # fmt: skip
    return replace(found, nodes=[replace(node, id=ids.get(node.id, node.id)) for node in found.nodes], edges=edges)


def _beside(graph: Graph, id: str, direction: str, among: set[str]) -> list[str]:
    if direction == Direction.UPSTREAM:
        return [edge.source for edge in graph.edges if edge.target == id and edge.source in among]
    return [edge.target for edge in graph.edges if edge.source == id and edge.target in among]


def _merge(graph: Graph, found: Graph) -> Graph:
    nodes: dict[str, Node] = {node.id: node for node in (*found.nodes, *graph.nodes)}
    edges: dict[tuple[str, str, str], Edge] = {}
    for edge in (*graph.edges, *found.edges):
        edges.setdefault((edge.source, edge.target, edge.kind), edge)
    totals: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for one in (graph, found):
        beside = _counts(one.edges)
        for node in one.nodes:
            total, have = totals[node.id], beside[node.id]
            total[:] = [max(total[side], have[side] + node.more[side]) for side in (0, 1)]
    beside = _counts(list(edges.values()))
    ordered = [nodes[id] for id in dict.fromkeys(node.id for node in (*graph.nodes, *found.nodes))]
    merged = [
        replace(node, more=More(*(max(0, totals[node.id][side] - beside[node.id][side]) for side in (0, 1))))
        for node in ordered
    ]
    return replace(graph, nodes=merged, edges=list(edges.values()), truncated=any(sum(node.more) for node in merged))


def _counts(edges: Sequence[Edge]) -> dict[str, list[int]]:
    """Of each node, how many others are upstream and downstream of it."""
    pairs = {(edge.source, edge.target) for edge in edges}
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for source, target in pairs:
        counts[target][0] += 1
        counts[source][1] += 1
    return counts
