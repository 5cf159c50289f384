"""The levels of records: found from their parents, and held against the labels of the hierarchy."""

from collections.abc import Mapping

from hierarchies import errors
from hierarchies.models import Hierarchy
from hierarchies.validators import MAX_LEVEL

__all__ = ["MAX_LEVEL", "assign", "check"]


def assign(parents: Mapping[str, str | None], known: Mapping[str, int]) -> dict[str, int]:
    """The level of each of these records, in whatever order they come; `known` are the levels of parents elsewhere.

    Raises `MoveRefused` where some are below themselves, `LevelRefused` where one is too deep.
    """
    found: dict[str, int] = {}
    for start in parents:
        path: list[str] = []
        on_path: set[str] = set()
        node: str | None = start
        while node is not None and node not in found and node not in known:
            if node in on_path:
                raise errors.MoveRefused(f"Record {node} would be below itself.", record=node)
            path.append(node)
            on_path.add(node)
            node = parents[node]
        level = -1 if node is None else found[node] if node in found else known[node]
        for pk in reversed(path):
            level += 1
            found[pk] = level
    return found


def check(hierarchy: Hierarchy, level: int) -> None:
    """Raise `LevelRefused` where no record of the hierarchy may be on this level."""
    if level > MAX_LEVEL:
        raise errors.LevelRefused(f"A tree has at most {MAX_LEVEL + 1} levels: this record would be on one more.")
    if hierarchy.enforce_levels and str(level) not in hierarchy.level_labels:
        allowed = ", ".join(f"{number} ({hierarchy.label_of(number)})" for number in hierarchy.levels) or "none"
        raise errors.LevelRefused(
            f"The hierarchy {hierarchy.name!r} has no level {level}: its levels are {allowed}.", level=level
        )
