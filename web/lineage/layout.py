"""Where the nodes of a graph are drawn: in layers from left to right, in few crossings, by igraph's Sugiyama layout."""

import json
from collections import defaultdict
from collections.abc import Sequence
from hashlib import sha256
from itertools import accumulate, pairwise
from typing import NamedTuple

import igraph
from django.core.cache import caches

# Part of the cache key: to be raised whenever the same graph is to be laid out otherwise.
_REVISION = 2
_MAX_SWEEPS = 100
# How far edges that pass a column keep from nodes in it, and from one another, in rows.
_BEND_GAP = 0.6


class Layout(NamedTuple):
    """Of each node its column, from the left, and its row, from the top, which may lie between two rows.

    Of each edge the points, as column and row, at which it passes the columns between its ends.
    """

    nodes: list[tuple[int, float]]
    bends: list[list[tuple[int, float]]]

    @property
    def size(self) -> tuple[int, float]:
        """How many columns there are, and how many rows."""
        points = [*self.nodes, *(point for bends in self.bends for point in bends)]
        return max(column for column, _ in points) + 1, max(row for _, row in points) + 1


def of(count: int, edges: Sequence[tuple[int, int]]) -> Layout:
    """The layout of so many nodes, one at least, with edges between their indexes; kept by what it depends on."""
    key = sha256(json.dumps([_REVISION, count, edges]).encode()).hexdigest()
    cache = caches["lineage"]
    layout = cache.get(key)
    if layout is None:
        layout = _compute(count, edges)
        cache.set(key, layout)
    return layout


def _compute(count: int, edges: Sequence[tuple[int, int]]) -> Layout:
    graph = igraph.Graph(count, edges, directed=True)
    drawn = graph.layout_sugiyama(layers=_layers(graph), maxiter=_MAX_SWEEPS)
    nodes = [_point(position) for position in drawn.coords]
    bends = [[_point(position) for position in positions] for positions in drawn.edge_routing]
    points = [*nodes, *(point for bend in bends for point in bend)]
    rows = iter(_keep_apart(points, count))
    placed = [(column, next(rows)) for column, _ in points]
    ends = accumulate(map(len, bends), initial=count)
    return Layout(placed[:count], [placed[start:end] for start, end in pairwise(ends)])


def _layers(graph: igraph.Graph) -> list[int]:
    """The layer of each node: that of igraph, or nearer to the node that comes next, where that makes edges shorter.

    igraph has all nodes without edges that lead to them in the first layer, however late they are needed.
    """
    layers = [_point(position)[0] for position in graph.layout_sugiyama(maxiter=1).coords]
    # By layers, not by direction: in a cycle an edge leads back.
    before: dict[int, list[int]] = defaultdict(list)
    after: dict[int, list[int]] = defaultdict(list)
    for edge in graph.es:
        left, right = sorted(edge.tuple, key=layers.__getitem__)
        after[left].append(right)
        before[right].append(left)
    for node in sorted(range(len(layers)), key=layers.__getitem__, reverse=True):
        if len(after[node]) > len(before[node]):
            layers[node] = min(layers[other] for other in after[node]) - 1
    columns = {layer: number for number, layer in enumerate(sorted(set(layers)))}
    return [columns[layer] for layer in layers]


def _point(position: Sequence[float]) -> tuple[int, float]:
    """igraph's layers lie below one another, ours beside one another."""
    row, column = position
    return round(column), row


def _keep_apart(points: Sequence[tuple[int, float]], count: int) -> list[float]:
    """Rows from 0 for these points, of which the first are nodes: in some columns igraph lets them overlap."""
    columns: dict[int, list[int]] = defaultdict(list)
    for index in sorted(range(len(points)), key=lambda index: points[index]):
        columns[points[index][0]].append(index)
    rows = [row for _, row in points]
    for column in columns.values():
        gaps = [1.0 if max(pair) < count else _BEND_GAP for pair in pairwise(column)]
        down, up = [rows[index] for index in column], [rows[index] for index in column]
        for position, gap in enumerate(gaps, 1):
            down[position] = max(down[position], down[position - 1] + gap)
        for position, gap in reversed(list(enumerate(gaps))):
            up[position] = min(up[position], up[position + 1] - gap)
        # Those that were pushed down and those that were pushed up: what is between them is far enough apart as well.
        for index, *pushed in zip(column, down, up, strict=True):
            rows[index] = sum(pushed) / 2
    top = min(rows)
    return [row - top for row in rows]
