"""What a new version is derived from: versions by their names, and logged artifacts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from wanllmdb.sdk import errors

if TYPE_CHECKING:
    from wanllmdb.sdk.connection import Connection

# As in the server.
MAX_SOURCES = 100


@dataclass(frozen=True)
class Source:
    """A version, as whoever derives something from it names it."""

    name: str
    """`name`, `name:x` or `team/project/name:x`; of a version that is known by its id only for messages."""
    version_id: str | None = None
    offline: Mapping[str, Any] | None = None
    """Where an offline run logged it: no server has it yet."""


def of_name(name: str) -> Source:
    """`name:x`, `team/project/name:x`, or the id of a version. Raises `Invalid`."""
    path, colon, selector = name.partition(":")
    parts = path.split("/")
    if len(parts) > 3 or not all(parts) or (colon and not selector):
        raise errors.Invalid(
            f"derived_from: {name!r} is not a version: use 'name:alias', 'team/project/name:v3', or a logged artifact"
        )
    return Source(name, version_id=name if _is_id(name) else None)


def of_version(label: str, record: Mapping[str, Any]) -> Source:
    """A version that was logged, or one that an offline run keeps, by its record; `label` is what messages call it."""
    offline = record.get("offline")
    if offline is not None:
        return Source(label, offline=offline)
    return Source(label, version_id=str(record["id"]))


def without_repeats(sources: Iterable[Source]) -> list[Source]:
    """Each once. Raises `Invalid` for more than a version can have."""
    found: list[Source] = []
    for source in sources:
        if source not in found:
            found.append(source)
    if len(found) > MAX_SOURCES:
        raise errors.Invalid(f"derived_from takes at most {MAX_SOURCES} versions, not {len(found)}")
    return found


def to_wire(connection: Connection, sources: Iterable[Source], project: str) -> list[str]:
    """As the server takes them, for a version of this project, by `team/project` or id.

    Raises `NotLogged` for what an offline run logged.
    """
    return [_to_wire(connection, source, project) for source in sources]


def _to_wire(connection: Connection, source: Source, project: str) -> str:
    if source.offline is not None:
        raise errors.NotLogged(f"derived_from: {source.name} has no version yet: send it with `wanllmdb sync` first")
    if source.version_id is not None:
        return source.version_id
    if source.name.partition(":")[0].count("/") != 1:
        return source.name
    team = project.partition("/")[0] if "/" in project else connection.client.get(f"/projects/{project}")["team"]
    return f"{team}/{source.name}"


def _is_id(name: str) -> bool:
    try:
        return len(name) == 36 and UUID(name) is not None
    except ValueError:
        return False
