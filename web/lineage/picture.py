"""The picture of a lineage graph: boxes in columns from left to right, and the curves between them, in pixels."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2s

from artifacts.lineage.graph import Node
from web.lineage import expansions, layout, texts
from web.lineage.folds import DOWNSTREAM, UPSTREAM, Fold, FoldedGraph, Link, Step

WIDTH, HEIGHT = 208, 44
_COLUMN, _ROW = WIDTH + 72, HEIGHT + 12
# Around all, so that there is room for what opens a node that was cut off.
_EDGE = 40
# In letters: beside the icon, and in the smaller type of the second line.
_NAME_ROOM, _DETAILS_ROOM = 20.5, 25.5
# Beyond so many, curves are a grey surface, and take a second to be laid out.
MAX_LINKS = 2_000
_TYPES = frozenset(("model", "dataset", "code", "file"))


@dataclass(frozen=True, slots=True)
class Handle:
    """What asks for the neighbours of a node that were cut off: at one side of its box."""

    x: int
    side: str
    count: int
    url: str

    @property
    def short(self) -> str:
        """`+12`, `+3k`: so much fits in it."""
        return f"+{self.count}" if self.count < 1_000 else f"+{self.count // 1_000}k"


@dataclass(frozen=True, slots=True)
class Box:
    """A node or a fold: texts that fit in it, the whole of them as its title, and where it leads to, if anywhere."""

    id: str
    index: int
    x: int
    y: int
    style: str
    icon: str
    name: str
    suffix: str
    details: str
    title: str
    url: str
    is_fold: bool
    is_root: bool
    handles: list[Handle]


@dataclass(frozen=True, slots=True)
class Curve:
    ends: str
    style: str
    path: str
    title: str


@dataclass(frozen=True, slots=True)
class Picture:
    width: int
    height: int
    boxes: list[Box]
    curves: list[Curve]


Urls = Callable[[str, str], str]


def draw(graph: FoldedGraph, expand_url: Urls) -> Picture | None:
    """None for a graph with too many edges to be looked at.

    `expand_url` makes of a field of the query string and a value for it the URL of the page with that value added.
    """
    if len(graph.links) > MAX_LINKS:
        return None
    steps = list(graph.steps.values())
    index = {id: number for number, id in enumerate(graph.steps)}
    positions = layout.of(len(steps), [(index[link.source], index[link.target]) for link in graph.links])
    boxes = [_box(graph, number, step, positions.nodes[number], expand_url) for number, step in enumerate(steps)]
    columns, rows = positions.size
    curves = [
        _curve(link, boxes[index[link.source]], boxes[index[link.target]], bends, steps, index)
        for link, bends in zip(graph.links, positions.bends, strict=True)
    ]
    return Picture(
        width=2 * _EDGE + _COLUMN * (columns - 1) + WIDTH,
        height=round(2 * _ROW - 2 * HEIGHT + _ROW * (rows - 1) + HEIGHT),
        # From left to right and from the top down, as one tabs through them.
        boxes=sorted(boxes, key=lambda box: (box.x, box.y)),
        curves=curves,
    )


def dom_id(id: str) -> str:
    """The id of a node's box: the same on every page of it."""
    return f"n-{blake2s(id.encode(), digest_size=4).hexdigest()}"


def _box(graph: FoldedGraph, number: int, step: Step, position: tuple[int, float], expand_url: Urls) -> Box:
    column, row = position
    item, at = step.item, {"index": number, "x": _EDGE + column * _COLUMN, "y": round(_ROW - HEIGHT + row * _ROW)}
    if isinstance(item, Fold):
        behind = f"{item.behind:,} behind them" if item.behind else ""
        return Box(
            id=f"n-{item.id}", **at, style="fold", icon="", name=item.label, suffix="", details=behind,
            title=texts.fold_title(item), url=expand_url("open", item.id), is_fold=True, is_root=False, handles=[],
        )  # fmt: skip
    suffix = texts.suffix(item)
    return Box(
        id=dom_id(item.id),
        **at,
        style=_style(item),
        icon=icon(item),
        name=texts.fit(texts.name(item).removesuffix(suffix), _NAME_ROOM - texts.width(suffix)),
        suffix=suffix,
        details=_details(item),
        title=texts.title(item),
        url=item.url or "",
        is_fold=False,
        is_root=step.level == 0,
        handles=list(_handles(item, expand_url)),
    )


def icon(node: Node) -> str:
    if node.kind in ("run", "private"):
        return {"run": "run", "private": "lock"}[node.kind]
    return type_icon(node.type)


def type_icon(type: str) -> str:
    """Artifacts of other types than our own are drawn as files."""
    return type if type in _TYPES else "file"


def _style(node: Node) -> str:
    if node.kind == "run":
        return f"run {node.state}"
    return "private" if node.kind == "private" else icon(node)


def _details(node: Node) -> str:
    """`production, latest +3 · 1.5 MiB`: as many aliases as there is room for, and always the rest."""
    rest = " · ".join(texts.details(node))
    room = _DETAILS_ROOM - texts.width(rest) - 3
    for count in range(len(node.aliases), 0, -1):
        more = f" +{len(node.aliases) - count}" if count < len(node.aliases) else ""
        names = ", ".join(node.aliases[:count])
        if texts.width(names + more) <= room or count == 1:
            names = texts.fit(names, room - texts.width(more)) + more
            return f"{names} · {rest}" if rest else names
    return texts.fit(rest, _DETAILS_ROOM)


def _handles(node: Node, expand_url: Urls) -> Iterator[Handle]:
    for side, x in ((UPSTREAM, -36), (DOWNSTREAM, WIDTH + 4)):
        if count := getattr(node.more, side):
            yield Handle(x, side, count, expand_url("from", expansions.value_of(side, node)))


def _curve(
    link: Link, source: Box, target: Box, bends: Sequence[tuple[int, float]], steps: list[Step], index: dict[str, int]
) -> Curve:
    """From the right of one box to the left of the other, level through the columns between them."""
    middle = HEIGHT // 2
    x, y = source.x + WIDTH, source.y + middle
    path = f"M{x} {y}"
    for column, row in sorted(bends, key=lambda point: point[0]):
        left, across = _EDGE + column * _COLUMN, round(_ROW - HEIGHT + row * _ROW) + middle
        path += f"{_to(left - x, across - y)}h{WIDTH}"
        x, y = left + WIDTH, across
    path += _to(target.x - x, target.y + middle - y)
    items = (steps[index[id]].item for id in (link.source, link.target))
    names = [item.label if isinstance(item, Fold) else texts.name(item) for item in items]
    return Curve(f"{source.index} {target.index}", " ".join(link.kinds), path, texts.link_title(link, *names))


def _to(across: int, down: int) -> str:
    """A curve that begins and ends level."""
    bow = max(abs(across) // 2, 24)
    return f"c{bow} 0 {across - bow} {down} {across} {down}" if down else f"h{across}"
