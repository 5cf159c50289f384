"""Which nodes of a lineage graph are expanded, as the URL of its page says it: `downstream.run.{id}`."""

from collections.abc import Iterable

from artifacts.lineage.graph import MAX_EXPANSIONS, Direction, Expansion, Node, NodeKind
from projects.models.project import as_uuid

_DIRECTIONS = {str(direction): direction for direction in (Direction.UPSTREAM, Direction.DOWNSTREAM)}
_KINDS = {str(kind): kind for kind in NodeKind if kind is not NodeKind.PRIVATE}


def parse(values: Iterable[str]) -> list[Expansion]:
    """The first ones, each once; what is none of them is as if it were not there."""
    found: dict[Expansion, None] = {}
    for value in values:
        direction, kind, id = [*value.split("."), "", ""][:3]
        if direction in _DIRECTIONS and kind in _KINDS and (pk := as_uuid(id)):
            found[Expansion(_DIRECTIONS[direction], _KINDS[kind], pk)] = None
    return list(found)[:MAX_EXPANSIONS]


def value_of(side: str, node: Node) -> str:
    return f"{side}.{node.kind}.{node.id}"
