"""From the name that a person writes to the version that is meant."""

from typing import Any, NamedTuple

from artifacts import aliases, errors, names
from artifacts.models import Artifact, ArtifactVersion
from projects.models import Project


class Resolved(NamedTuple):
    """A version and its artifact, ready to be shown, and the alias that led to it, if one did."""

    artifact: Artifact
    version: ArtifactVersion
    alias: str | None


def resolve(
    user: Any,
    name: str,
    project: Project | None = None,
    *,
    alias: str | None = None,
    version: str | None = None,
    type: str | None = None,
) -> Resolved:
    """`team/project/name:x`, or `name:x` in the given project; x is a version, else an alias, and `latest` if absent.

    `alias` and `version` are taken at their word instead. What the user may not see is `Missing`.
    """
    place, _, suffix = name.partition(":")
    if suffix and (alias or version):
        raise errors.Invalid(f"{name!r} names a version already: leave out alias and version, or the part after ':'.")
    if alias and version:
        raise errors.Invalid("State an alias or a version, not both.")
    artifact = find_artifact(user, place, project)
    if type and artifact.type != type:
        raise errors.TypeDiffers(f"Artifact {artifact.name!r} is a {artifact.type}, not a {type}.")
    if version:
        return Resolved(artifact, find_version(artifact, version), None)
    if alias:
        return Resolved(artifact, aliases.find(artifact, alias).version, alias)
    return pick(artifact, suffix or names.LATEST)


def find_artifact(user: Any, place: str, project: Project | None = None) -> Artifact:
    """`team/project/name`, or `name` in the given project."""
    visible = Artifact.objects.visible_to(user).for_display()
    parts = place.split("/")
    if len(parts) == 3:
        found = visible.filter(project__in=Project.objects.named("/".join(parts[:2])), name=parts[2]).first()
    elif len(parts) == 1 and project is not None:
        found = visible.filter(project=project, name=place).first()
    else:
        raise errors.Invalid(f"{place!r} is not of the form 'team/project/name'.")
    if found is None:
        raise errors.Missing(f"Artifact {place!r} not found.")
    return found


def find_version(artifact: Artifact, version: str) -> ArtifactVersion:
    """The finalized version of that name, such as `v3`."""
    number = names.version_number(version)
    if number is None:
        raise errors.Invalid(f"{version!r} is not a version: versions are v1, v2, v3 …")
    found = artifact.versions.finalized().with_names().filter(number=number).first()
    if found is None:
        newest = f"The newest is {artifact.latest_version}." if artifact.latest_number else "It has no versions yet."
        raise errors.VersionNotFound(f"Artifact {artifact.name!r} has no version {version!r}. {newest}")
    return found


def pick(artifact: Artifact, word: str) -> Resolved:
    """`v3` where the artifact has that version, else the version under the alias of that name."""
    number = names.version_number(word)
    if number is not None:
        found = artifact.versions.finalized().with_names().filter(number=number).first()
        if found:
            return Resolved(artifact, found, None)
    return Resolved(artifact, aliases.find(artifact, word).version, word)
