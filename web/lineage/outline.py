"""The list of a lineage graph: the same nodes as in its picture, each under the one by which one comes to it."""

from collections.abc import Iterator
from dataclasses import dataclass

from web.lineage import expansions, picture, texts
from web.lineage.folds import DOWNSTREAM, UPSTREAM, Fold, FoldedGraph, Link, Step

# So many steps are indented.
_MAX_INDENT = 6
_MAX_ALSO = 3


@dataclass(frozen=True, slots=True)
class Row:
    """A line. `also` are other nodes that it hangs together with, and `more_also` how many more there are."""

    step: Step
    indent: int
    relation: str
    requested_as: list[str]
    icon: str
    name: str
    details: str
    also: list[str]
    more_also: int
    expand_urls: list[tuple[int, str, str]]
    is_fold: bool


@dataclass(frozen=True, slots=True)
class Outline:
    upstream: list[Row]
    downstream: list[Row]


def of(graph: FoldedGraph, expand_url: picture.Urls) -> Outline:
    """What the root was made from, and what was made from it; each nearest first, depth first."""
    links = {frozenset((link.source, link.target)): link for link in graph.links}
    others: dict[str, list[Link]] = {}
    for link in graph.links:
        for end in (link.source, link.target):
            others.setdefault(end, []).append(link)
    rows = [_row(graph, step, links, others, expand_url) for step in _walk(graph)]
    sides = {side: [row for row, at in rows if at == side] for side in (UPSTREAM, DOWNSTREAM)}
    return Outline(**sides)


def _walk(graph: FoldedGraph) -> Iterator[tuple[Step, str]]:
    """Every step but the root, each followed by those that it leads to, with the side of the root that it is on."""
    children = graph.children()
    root = next(iter(graph.steps))
    stack = [(step, step.side) for step in reversed(children[root])]
    while stack:
        step, side = stack.pop()
        yield step, side
        below = [] if isinstance(step.item, Fold) else children[step.item.id]
        stack += [(child, side) for child in reversed(below)]


def _row(
    graph: FoldedGraph,
    walked: tuple[Step, str],
    links: dict[frozenset[str], Link],
    others: dict[str, list[Link]],
    expand_url: picture.Urls,
) -> tuple[Row, str]:
    step, side = walked
    item = step.item
    link = links.get(frozenset((item.id, step.parent)))
    also = [_other(graph, one, item.id) for one in others.get(item.id, []) if one is not link]
    # The way on is said by the rows below.
    also = [other.item for other in also if other.parent != item.id and not isinstance(other.item, Fold)]
    if isinstance(item, Fold):
        about = {"icon": "more", "name": item.label, "details": f"{item.behind:,} behind them" if item.behind else ""}
        urls = [(item.next, "", expand_url("open", item.id))]
    else:
        about = {"icon": picture.icon(item), "name": texts.name(item), "details": " · ".join(texts.details(item))}
        urls = [
            (count, at, expand_url("from", expansions.value_of(at, item)))
            for at in (UPSTREAM, DOWNSTREAM)
            if (count := getattr(item.more, at))
        ]
    row = Row(
        step=step,
        indent=min(step.level, _MAX_INDENT),
        relation=texts.relation(step, link),
        requested_as=link.requested_as if link else [],
        **about,
        also=[texts.name(node) for node in also[:_MAX_ALSO]],
        more_also=max(0, len(also) - _MAX_ALSO),
        expand_urls=urls,
        is_fold=isinstance(item, Fold),
    )
    return row, side


def _other(graph: FoldedGraph, link: Link, id: str) -> Step:
    return graph.steps[link.target if link.source == id else link.source]
