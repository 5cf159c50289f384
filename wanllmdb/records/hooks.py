"""What a manager calls around its changes, for subclasses to fill."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wanllmdb.records.schemas import ArtifactIn, ArtifactOut


class LifecycleHooks:
    """Each does nothing. What a `pre_` hook raises prevents the change; a `post_` hook runs when it is stored.

    A `pre_` hook may assign `data`, `tags`, `type` and `parent_id` of the entity that it gets: these are stored then.
    """

    async def pre_save(self, entity: ArtifactOut, data: ArtifactIn) -> None:
        """Before a new record is stored."""

    async def post_save(self, entity: ArtifactOut) -> None:
        """After a new record was stored."""

    async def pre_update(self, entity: ArtifactOut, data: ArtifactIn, old_values: Mapping[str, Any]) -> None:
        """Before a record is changed or moved. `old_values` has `data`, `tags`, `type`, `parent_id` and `level`."""

    async def post_update(self, entity: ArtifactOut, changes: Mapping[str, tuple[Any, Any]]) -> None:
        """After a record was changed or moved. `changes` has the old and the new value of what differs."""

    async def pre_delete(self, entity: ArtifactOut) -> None:
        """Before a record is deleted."""

    async def post_delete(self, entity: ArtifactOut) -> None:
        """After a record was deleted."""

    def is_overridden(self, *names: str) -> bool:
        """Whether a subclass fills one of these hooks."""
        return any(getattr(type(self), name) is not getattr(LifecycleHooks, name) for name in names)
