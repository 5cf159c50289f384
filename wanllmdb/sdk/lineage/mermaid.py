"""A graph as the text of a Mermaid flow chart.

Names of runs are free text. Mermaid finds directives, statements and HTML also inside quotes, so all ASCII but
letters, digits and a few harmless characters is written as entity codes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wanllmdb.sdk.lineage.graph import Lineage, LineageEdge, LineageNode

_HARMLESS = frozenset(" ./:_-,()")
_MAX_LENGTH = 200
# How the lines around a label begin and end.
_SHAPES = {"version": ("[", "]"), "artifact": ("[", "]"), "run": ("([", "])"), "private": ("[/", "/]")}


def flow_chart(lineage: Lineage) -> str:
    """From left to right, in the order of the nodes. The node that was asked for is drawn thick."""
    names = {node.id: f"n{number}" for number, node in enumerate(lineage.nodes)}
    lines = ["flowchart LR"]
    lines += [f"    {names[node.id]}{_shape(node)}" for node in lineage.nodes]
    lines += [f"    {names[edge.source]} -->|{_label_of(edge)}| {names[edge.target]}" for edge in lineage.edges]
    lines.append(f"    style {names[lineage.root.id]} stroke-width:4px")
    return "\n".join(lines) + "\n"


def escape(text: str) -> str:
    """The text inside quotes of a chart, in one line. Long text is cut."""
    cut = text if len(text) <= _MAX_LENGTH else text[: _MAX_LENGTH - 1] + "…"
    return "".join(_escape(character) for character in cut)


def _escape(character: str) -> str:
    if not character.isprintable():
        return " "
    is_harmless = not character.isascii() or character.isalnum() or character in _HARMLESS
    return character if is_harmless else f"#{ord(character)};"


def _shape(node: LineageNode) -> str:
    state = node.state if node.state != "finalized" else None
    details = ", ".join(filter(None, (node.type, state, node.job_type, *node.aliases[:3])))
    more = node.more_upstream + node.more_downstream
    texts = [node.qualified_name, f"({details})" if details else "", f"{more} more" if more else ""]
    before, after = _SHAPES.get(node.kind, _SHAPES["version"])
    return f'{before}"{" ".join(escape(text) for text in texts if text)}"{after}'


def _label_of(edge: LineageEdge) -> str:
    names = ", ".join(edge.requested_as)
    return f'"{escape(edge.kind + (f" as {names}" if names else ""))}"'
