"""Sources: from which versions a version was derived without a run, said when it is created."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from artifacts import errors, name_resolution
from artifacts.models import ArtifactVersion
from projects.models import Project
from projects.models.project import as_uuid

MAX_SOURCES = 100


class Source(NamedTuple):
    """A finalized version, and the alias or version such as `v3` by which it was asked for; "" for its id."""

    version: ArtifactVersion
    requested_as: str


def resolve(user: Any, names: Sequence[str], project: Project) -> list[Source]:
    """The versions that are called so, each once: `name:x` in the project, `team/project/name:x`, or an id.

    Raises `Invalid` for too many and for a draft, and what `name_resolution.resolve` raises.
    """
    if len(names) > MAX_SOURCES:
        message = f"A version is derived from at most {MAX_SOURCES} others; this one names {len(names):,}."
        raise errors.Invalid(message)
    found: dict[Any, Source] = {}
    for name in dict.fromkeys(names):
        source = _resolve_one(user, name, project)
        known = found.get(source.version.pk)
        if known is None or not known.requested_as:
            found[source.version.pk] = source
    return list(found.values())


def _resolve_one(user: Any, name: str, project: Project) -> Source:
    pk = as_uuid(name)
    if pk is None:
        resolved = name_resolution.resolve(user, name, project)
        return Source(resolved.version, resolved.alias or resolved.version.version or "")
    version = ArtifactVersion.objects.visible_to(user).select_related("artifact").filter(pk=pk).first()
    if version is None:
        raise errors.Missing(f"The source {name!r} was not found: it was deleted, or you don't have access.")
    if not version.is_finalized:
        message = f"{version.title} of artifact {version.artifact.name!r} is a draft: finalize it to derive from it."
        raise errors.Invalid(message)
    return Source(version, "")
