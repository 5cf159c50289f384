"""Stored records as `ArtifactOut` and `ArtifactTreeNode`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ulid import ULID

from wanllmdb.records.hierarchy import ArtifactHierarchy
from wanllmdb.records.repository import StoredRecord
from wanllmdb.records.schemas import ArtifactOut, ArtifactTreeNode


def to_out(record: StoredRecord, data: Any) -> ArtifactOut:
    # What a database has stored was checked when it was given: to check it again takes most of the time of a list.
    return ArtifactOut.model_construct(
        id=record.id,
        parent_id=record.parent_id,
        level=record.level,
        type=record.type,
        data=data,
        tags=list(record.tags),
        created_at=record.created_at,
        updated_at=record.updated_at,
    )


def to_node(record: StoredRecord, data: Any, hierarchy: ArtifactHierarchy | None) -> ArtifactTreeNode:
    return ArtifactTreeNode.model_construct(
        id=record.id,
        parent_id=record.parent_id,
        level=record.level,
        type=record.type,
        data=data,
        tags=list(record.tags),
        created_at=record.created_at,
        updated_at=record.updated_at,
        level_label=hierarchy.label_for(record.level) if hierarchy else None,
        hierarchy=hierarchy.name if hierarchy else None,
        children=None,
        ancestors=None,
    )


def nest(nodes: Sequence[ArtifactTreeNode]) -> ArtifactTreeNode | None:
    """The first node, with the others as its descendants. Parents come before their children."""
    by_id: dict[ULID, ArtifactTreeNode] = {}
    for node in nodes:
        node.children = []
        by_id[node.id] = node
        parent = by_id.get(node.parent_id) if node.parent_id else None
        if parent is not None and parent.children is not None:
            parent.children.append(node)
    return nodes[0] if nodes else None
