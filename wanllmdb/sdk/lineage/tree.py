"""A graph as lines of text: where a node comes from, and what came of it, each node once."""

from __future__ import annotations

from collections.abc import Iterator

from wanllmdb.sdk.lineage.graph import Lineage, LineageEdge, LineageNode


def lines_of(lineage: Lineage, direction: str) -> Iterator[str]:
    """The node that was asked for, and below it `Upstream` and `Downstream`, or the one of them that was asked for."""
    yield _describe(lineage.root)
    for title, is_upstream in (("Upstream", True), ("Downstream", False)):
        if direction in (title.lower(), "both"):
            branches = list(_Side(lineage, is_upstream).lines())
            yield from (title, *(branches or ["└── nothing"]))


class _Side:
    """One direction. What was shown above is named again, but not what is behind it."""

    def __init__(self, lineage: Lineage, is_upstream: bool) -> None:
        self._lineage = lineage
        self._is_upstream = is_upstream
        self._printed = {lineage.root.id}

    def lines(self) -> Iterator[str]:
        """Without recursion: a path may lead through all nodes."""
        open_branches = [self._branches(self._lineage.root, "")]
        while open_branches:
            branch = next(open_branches[-1], None)
            if branch is None:
                open_branches.pop()
                continue
            line, other, indent = branch
            yield line
            if other is not None:
                open_branches.append(self._branches(other, indent))

    def _branches(self, node: LineageNode, indent: str) -> Iterator[tuple[str, LineageNode | None, str]]:
        """The line of each step from the node, and the node that its own steps follow from, with their indent."""
        edges = self._lineage.edges_to(node) if self._is_upstream else self._lineage.edges_from(node)
        more = node.more_upstream if self._is_upstream else node.more_downstream
        for number, edge in enumerate(edges, 1):
            is_last = number == len(edges) and not more
            other = self._lineage.node(edge.source if self._is_upstream else edge.target)
            is_repeated = other.id in self._printed
            self._printed.add(other.id)
            text = f"{self._verb(edge, node)} {_describe(other)}{_names(edge)}{' (see above)' if is_repeated else ''}"
            line = f"{indent}{'└── ' if is_last else '├── '}{text}"
            yield line, None if is_repeated else other, indent + ("    " if is_last else "│   ")
        if more:
            yield f"{indent}└── {more:,} more", None, ""

    def _verb(self, edge: LineageEdge, node: LineageNode) -> str:
        """What the node above has to do with the other one."""
        if edge.kind == "derived":
            return "derived from" if self._is_upstream else "source of"
        if edge.kind == "logged":
            return "logged by" if self._is_upstream else "logged"
        return "used" if self._is_upstream else "used by"


def _describe(node: LineageNode) -> str:
    if node.kind == "run":
        details = ", ".join(filter(None, (node.state, node.job_type)))
        return f"run {_one_line(node.qualified_name)}" + (f" ({details})" if details else "")
    aliases = f" [{', '.join(node.aliases)}]" if node.aliases else ""
    state = f" ({node.state})" if node.state not in (None, "finalized") else ""
    return f"{node.qualified_name}{aliases}{state}"


def _names(edge: LineageEdge) -> str:
    return f" as {', '.join(edge.requested_as)}" if edge.requested_as else ""


def _one_line(text: str) -> str:
    """Without what a terminal would obey."""
    return "".join(character if character.isprintable() else " " for character in text)
