"""`ArtifactManager`: everything that is done with records, on a local or a remote repository alike."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ulid import ULID

from wanllmdb.records import changes, nodes
from wanllmdb.records.contents import Contents
from wanllmdb.records.hierarchy import ANY_HIERARCHY, ArtifactHierarchy
from wanllmdb.records.hooks import LifecycleHooks
from wanllmdb.records.repository import UNSET, Filters, Repository, StoredRecord, Unset
from wanllmdb.records.schemas import ArtifactIn, ArtifactOut, ArtifactTreeNode, to_ulid
from wanllmdb.sdk.errors import Invalid

Id = ULID | str


class ArtifactManager(LifecycleHooks):
    """Records of one hierarchy. Any number of tasks may use it at once.

    IDs are taken as `ulid.ULID` or text, in upper or lower case; what is none raises `InvalidUlid`. Objects and frames
    come back where they were. In lists and trees a remote repository gives placeholders for them, unless
    `load_objects=True`; with `load_objects=False` a local one does too.
    """

    def __init__(
        self, repository: Repository, hierarchy: ArtifactHierarchy | None = None, *, allow_pickle: bool = False
    ) -> None:
        """`allow_pickle`: unpickle objects that this installation has not signed too. That runs code of their maker."""
        self.repository = repository
        self.hierarchy = hierarchy
        self._contents = Contents(repository, allow_pickle=allow_pickle)

    # --- Saving -------------------------------------------------------------------------------------------------------

    async def save(self, data: ArtifactIn) -> ArtifactOut:
        """Create a record, or update that of `data.id` if there is one. What was not given stays as it is.

        Raises `InvalidData` for typed data of the wrong shape and for objects that cannot be pickled, `RecordNotFound`
        for an unknown parent, `LevelRefused`, and `MoveRefused` for a parent that is the record itself or below it.
        """
        return (await self.save_all([data]))[0]

    async def save_all(self, items: Iterable[ArtifactIn]) -> list[ArtifactOut]:
        """Create and update records, all or none. A parent may be an earlier item with an ID of its own."""
        return await changes.save(self, list(items))

    async def move(self, id: Id, parent_id: Id | None) -> ArtifactOut:
        """Put a record with all of its descendants under another parent; None makes it a root.

        Raises `RecordNotFound`, `MoveRefused` and `LevelRefused`.
        """
        return await changes.move(self, to_ulid(id), None if parent_id is None else to_ulid(parent_id))

    # --- Finding ------------------------------------------------------------------------------------------------------

    async def find_by_id(self, id: Id, *, load_objects: bool = True) -> ArtifactOut | None:
        """The record with its objects; None if there is none."""
        found = await self.repository.find([to_ulid(id)])
        return (await self.to_out(found, load_objects))[0] if found else None

    async def find_all_by_id(self, ids: Iterable[Id], *, load_objects: bool | None = None) -> list[ArtifactOut]:
        """The records of these IDs, in their order. Those that do not exist are left out."""
        return await self.to_out(await self.repository.find([to_ulid(id) for id in ids]), load_objects)

    async def find_all(
        self,
        *,
        level: int | None = None,
        parent_id: Id | Unset | None = UNSET,
        type: str | None = None,
        tag: str | None = None,
        data: Mapping[str, Any] | None = None,
        load_objects: bool | None = None,
    ) -> list[ArtifactOut]:
        """All records, in the order of creation, or those that meet every condition.

        `parent_id=None` finds roots. `data` has values by dotted path: `{"metrics.rmse": 0.25}`.
        """
        filters = _filters(level, parent_id, type, tag, data)
        return await self.to_out(await self.repository.find_all(filters), load_objects)

    async def find_paginated(
        self,
        page: int = 1,
        size: int = 50,
        *,
        level: int | None = None,
        parent_id: Id | Unset | None = UNSET,
        type: str | None = None,
        tag: str | None = None,
        data: Mapping[str, Any] | None = None,
        load_objects: bool | None = None,
    ) -> tuple[list[ArtifactOut], int]:
        """One page of `find_all`, and how many records all pages have. Raises `Invalid` for more than 200 a page."""
        found, total = await self.repository.find_page(page, size, _filters(level, parent_id, type, tag, data))
        return await self.to_out(found, load_objects), total

    async def exists_by_id(self, id: Id) -> bool:
        """Whether there is such a record."""
        return bool(await self.repository.find([to_ulid(id)]))

    async def count(
        self,
        *,
        level: int | None = None,
        parent_id: Id | Unset | None = UNSET,
        type: str | None = None,
        tag: str | None = None,
        data: Mapping[str, Any] | None = None,
    ) -> int:
        """How many records there are, or how many meet every condition."""
        return await self.repository.count(_filters(level, parent_id, type, tag, data))

    # --- Trees --------------------------------------------------------------------------------------------------------

    async def find_subtree(
        self, root_id: Id, max_depth: int | None = None, *, load_objects: bool | None = None
    ) -> list[ArtifactTreeNode]:
        """The record and its descendants as a list, parents first. Empty if there is no such record."""
        if max_depth is not None and max_depth < 0:
            raise Invalid(f"max_depth is the number of levels below the record, so at least 0, not {max_depth}")
        found = await self.repository.find_subtree(to_ulid(root_id), max_depth)
        return await self._to_nodes(found, load_objects)

    async def build_tree(
        self, root_id: Id, max_depth: int | None = None, *, load_objects: bool | None = None
    ) -> ArtifactTreeNode | None:
        """The record with its descendants as nested `children`; None if there is no such record.

        `max_depth=1` is the record with its children, whose own `children` are [] then too.
        """
        return nodes.nest(await self.find_subtree(root_id, max_depth, load_objects=load_objects))

    async def expand_artifact(self, artifact_id: Id, *, load_objects: bool | None = None) -> ArtifactTreeNode | None:
        """The record with all `ancestors`, root first, and all descendants as nested `children`."""
        node = await self.build_tree(artifact_id, load_objects=load_objects)
        if node is not None:
            ancestors = await self.repository.find_ancestors(node.id)
            node.ancestors = await self._to_nodes(ancestors, load_objects)
        return node

    # --- Deleting -----------------------------------------------------------------------------------------------------

    async def delete_by_id(self, id: Id) -> None:
        """Delete a record; that there is none is fine. Raises `HasChildren`, and then nothing has changed."""
        await self.delete_all_by_id([id])

    async def delete_all_by_id(self, ids: Iterable[Id]) -> None:
        """Delete records, all or none. Raises `HasChildren` if one has a child that is not among them."""
        wanted = [to_ulid(id) for id in ids]
        entities = await self._find_deleted(wanted)
        await self.repository.delete(wanted)
        await self._post_delete(entities)

    async def delete_subtree(self, id: Id) -> int:
        """Delete a record with all of its descendants. Returns how many records those were."""
        entities: list[ArtifactOut] = []
        if self.is_overridden("pre_delete", "post_delete"):
            entities = list(await self.find_subtree(id, load_objects=False))
            for entity in entities:
                await self.pre_delete(entity)
        count = await self.repository.delete_subtree(to_ulid(id))
        await self._post_delete(entities)
        return count

    async def _find_deleted(self, ids: Sequence[ULID]) -> list[ArtifactOut]:
        if not self.is_overridden("pre_delete", "post_delete"):
            return []
        entities = await self.find_all_by_id(ids, load_objects=False)
        for entity in entities:
            await self.pre_delete(entity)
        return entities

    async def _post_delete(self, entities: Iterable[ArtifactOut]) -> None:
        for entity in entities:
            await self.post_delete(entity)

    # --- What `changes` needs -----------------------------------------------------------------------------------------

    @property
    def rules(self) -> ArtifactHierarchy:
        """The hierarchy, or one without labels."""
        return self.hierarchy or ANY_HIERARCHY

    async def to_out(self, records: Sequence[StoredRecord], load_objects: bool | None) -> list[ArtifactOut]:
        """Stored records as people get them."""
        contents = await self._contents.load(records, load_objects)
        return [nodes.to_out(record, data) for record, data in zip(records, contents, strict=True)]

    async def _to_nodes(self, records: Sequence[StoredRecord], load_objects: bool | None) -> list[ArtifactTreeNode]:
        contents = await self._contents.load(records, load_objects)
        return [nodes.to_node(record, data, self.hierarchy) for record, data in zip(records, contents, strict=True)]


def _filters(
    level: int | None,
    parent_id: Id | Unset | None,
    type: str | None,
    tag: str | None,
    data: Mapping[str, Any] | None,
) -> Filters:
    is_given = parent_id is not None and not isinstance(parent_id, Unset)
    return Filters(level, to_ulid(parent_id) if is_given else parent_id, type, tag, data or {})  # type: ignore[arg-type]
