"""The graph around a version, an artifact or a run, as far as the server was asked for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from wanllmdb.sdk import errors
from wanllmdb.sdk.http_client import Client
from wanllmdb.sdk.lineage import mermaid

DEPTH = 3
LIMIT = 500


@dataclass(frozen=True)
class LineageNode:
    """A version, an artifact with all its versions, a run, or something `private` that you have no access to."""

    id: str
    kind: str
    """`version`, `artifact`, `run` or `private`."""
    name: str
    """Of the artifact or the run; empty for what is private."""
    project: str
    """`team/project`; empty for what is private."""
    version: str | None = None
    """`v3`, of a version."""
    type: str | None = None
    """Of an artifact or version."""
    aliases: list[str] = field(default_factory=list)
    size: int | None = None
    """In bytes, of a version."""
    state: str | None = None
    """Of a run: `running`, `finished`, `failed` …; of a version: `finalized`, `draft` or `deleted`."""
    job_type: str | None = None
    created_at: str | None = None
    """ISO 8601, UTC."""
    url: str | None = None
    more_upstream: int = 0
    """So many neighbours upstream are not in this graph: ask for the lineage of this node."""
    more_downstream: int = 0

    @property
    def qualified_name(self) -> str:
        """`team/project/name:v3`, `team/project/name`, or `private`."""
        if self.kind == "private":
            return "private"
        return f"{self.project}/{self.name}" + (f":{self.version}" if self.version else "")

    @classmethod
    def _from_record(cls, record: Mapping[str, Any]) -> LineageNode:
        more = record.get("more") or {}
        return cls(
            id=str(record["id"]),
            kind=str(record["kind"]),
            name=str(record.get("name") or ""),
            project=str(record.get("project") or ""),
            version=record.get("version"),
            type=record.get("type"),
            aliases=list(record.get("aliases") or ()),
            size=record.get("size"),
            state=record.get("state"),
            job_type=record.get("job_type") or None,
            created_at=record.get("created_at"),
            url=record.get("url"),
            more_upstream=int(more.get("upstream") or 0),
            more_downstream=int(more.get("downstream") or 0),
        )


@dataclass(frozen=True)
class LineageEdge:
    """From what was there first to what came of it: from a version to the run that used it, from a run to the version
    that it logged, from a version to one that was derived from it."""

    source: str
    """The id of a node."""
    target: str
    kind: str
    """`used`, `logged` or `derived`."""
    requested_as: list[str] = field(default_factory=list)
    """The aliases and versions by which the source was asked for, at that time."""

    @classmethod
    def _from_record(cls, record: Mapping[str, Any]) -> LineageEdge:
        names = record.get("requested_as") or ()
        return cls(
            source=str(record["source"]),
            target=str(record["target"]),
            kind=str(record["kind"]),
            requested_as=[names] if isinstance(names, str) else list(names),
        )


class Lineage:
    """Nodes and edges around one node, `root`. Every edge has both its nodes here."""

    def __init__(self, record: Mapping[str, Any]) -> None:
        self._record = dict(record)
        self.nodes = [LineageNode._from_record(node) for node in record["nodes"]]
        self._by_id = {node.id: node for node in self.nodes}
        edges = (LineageEdge._from_record(edge) for edge in record["edges"])
        self.edges = [edge for edge in edges if edge.source in self._by_id and edge.target in self._by_id]
        self.root = self.node(str(record["root"]))
        """What was asked for."""
        self.truncated = bool(record.get("truncated"))
        """Whether there is more than is here; which nodes have more, `more_upstream` and `more_downstream` say."""
        self._incoming: dict[str, list[LineageEdge]] = {}
        self._outgoing: dict[str, list[LineageEdge]] = {}
        for edge in self.edges:
            self._incoming.setdefault(edge.target, []).append(edge)
            self._outgoing.setdefault(edge.source, []).append(edge)

    def node(self, id: str) -> LineageNode:
        """The node with this id. Raises `NotFound`."""
        try:
            return self._by_id[id]
        except KeyError:
            raise errors.NotFound(f"The graph has no node {id!r}") from None

    def edges_to(self, node: LineageNode) -> list[LineageEdge]:
        """Where it comes from: one step upstream."""
        return list(self._incoming.get(node.id, ()))

    def edges_from(self, node: LineageNode) -> list[LineageEdge]:
        """What came of it: one step downstream."""
        return list(self._outgoing.get(node.id, ()))

    def __iter__(self) -> Iterator[LineageNode]:
        return iter(self.nodes)

    def __len__(self) -> int:
        return len(self.nodes)

    def __repr__(self) -> str:
        more = ", of more" if self.truncated else ""
        return f"<Lineage of {self.root.qualified_name}: {len(self.nodes)} nodes, {len(self.edges)} edges{more}>"

    def as_dict(self) -> dict[str, Any]:
        """As the API answers: `root`, `nodes`, `edges`, `truncated`."""
        return dict(self._record)

    def to_networkx(self) -> Any:
        """A `networkx.MultiDiGraph`: the nodes' ids with the fields of `LineageNode`, edges with `kind` and
        `requested_as`. Raises `Invalid` where networkx is not installed."""
        if find_spec("networkx") is None:
            raise errors.Invalid("to_networkx needs networkx, which is not installed: pip install networkx")
        graph = import_module("networkx").MultiDiGraph(root=self.root.id, truncated=self.truncated)
        for node in self.nodes:
            graph.add_node(node.id, **{**vars(node), "qualified_name": node.qualified_name})
        for edge in self.edges:
            graph.add_edge(edge.source, edge.target, key=edge.kind, kind=edge.kind, requested_as=edge.requested_as)
        return graph

    def to_mermaid(self) -> str:
        """A flow chart for Markdown, as GitHub and notebooks draw it. Whatever names contain is text in it."""
        return mermaid.flow_chart(self)


def fetch(client: Client, path: str, direction: str, depth: int, limit: int) -> Lineage:
    """The lineage at a path of the API, such as `/runs/ID/lineage`. Raises `Invalid`, `NotFound`."""
    if direction not in ("upstream", "downstream", "both"):
        raise errors.Invalid(f"lineage: direction takes 'upstream', 'downstream' or 'both', not {direction!r}")
    return Lineage(client.get(path, direction=direction, depth=depth, limit=limit))
