"""From the name that a person writes to the version that is meant."""

from datetime import datetime
from typing import Any, NamedTuple

from artifacts import errors, validators
from artifacts.aliases import aliases, history
from artifacts.models import AliasChange, Artifact, ArtifactVersion
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
    at: datetime | None = None,
) -> Resolved:
    """`team/project/name:x`, or `name:x` in the given project; x is a version, else an alias, and `latest` if absent.

    `alias` and `version` are taken at their word instead. With `at`, as it was at that moment: a version finalized
    later was not there yet, and one deleted since is `VersionNotFound`. What the user may not see is `Missing`.
    """
    full_name, _, suffix = name.partition(":")
    if suffix and (alias or version):
        raise errors.Invalid(f"{name!r} already names a version: leave out alias and version, or the part after ':'.")
    if alias and version:
        raise errors.Invalid("Give an alias or a version, not both.")
    artifact = find_artifact(user, full_name, project)
    if type and artifact.type != type:
        raise errors.TypeDiffers(f"Artifact {artifact.name!r} is a {artifact.type}, not a {type}.")
    if version:
        return Resolved(artifact, find_version(artifact, version, at), None)
    if alias:
        return Resolved(artifact, find_aliased(artifact, alias, at), alias)
    return resolve_suffix(artifact, suffix or validators.LATEST, at)


def find_artifact(user: Any, full_name: str, project: Project | None = None) -> Artifact:
    """`team/project/name`, or `name` in the given project."""
    visible = Artifact.objects.visible_to(user).for_display()
    parts = full_name.split("/")
    if len(parts) == 3:
        row = visible.filter(project__in=Project.objects.by_full_name("/".join(parts[:2])), name=parts[2]).first()
    elif len(parts) == 1 and project is not None:
        row = visible.filter(project=project, name=full_name).first()
    else:
        raise errors.Invalid(f"{full_name!r} is not of the form 'team/project/name'.")
    if row is None:
        raise errors.Missing(f"Artifact {full_name!r} not found.")
    return row


def find_version(artifact: Artifact, version: str, at: datetime | None = None) -> ArtifactVersion:
    """The finalized version of that name, such as `v3`; with `at`, only if it was finalized by then."""
    number = validators.version_number(version)
    if number is None:
        raise errors.Invalid(f"{version!r} is not a version: versions are v1, v2, v3 …")
    row = artifact.versions.finalized().with_details().filter(number=number).first()
    if row is None:
        newest = (
            f"The latest is {artifact.latest_version}." if artifact.latest_version_number else "It has no versions yet."
        )
        raise errors.VersionNotFound(f"Artifact {artifact.name!r} has no version {version!r}. {newest}")
    if at and not _was_there(row, at):
        raise errors.VersionNotFound(f"Version {version} of artifact {artifact.name!r} was not finalized at that time.")
    return row


def find_aliased(artifact: Artifact, alias: str, at: datetime | None = None) -> ArtifactVersion:
    """The version under the alias, now or at that moment."""
    if at is None:
        return aliases.get(artifact, alias).version
    change = history.get_change_at(artifact, alias, at)
    row = version_of(artifact, change)
    if row is None:
        raise errors.VersionNotFound(f"Alias {alias!r} was at {change.after} at that time, which was deleted later.")
    return row


def version_of(artifact: Artifact, change: AliasChange) -> ArtifactVersion | None:
    """The version that the change put the alias on, ready to be shown; None where it was deleted since."""
    version = artifact.versions.finalized().with_details().filter(pk=change.to_version_id).first()
    if version is not None:
        version.artifact = artifact
    return version


def resolve_suffix(artifact: Artifact, suffix: str, at: datetime | None = None) -> Resolved:
    """`v3` where the artifact has, or had by then, that version, else the version under the alias of that name."""
    number = validators.version_number(suffix)
    if number is not None:
        version = artifact.versions.finalized().with_details().filter(number=number).first()
        if version and (at is None or _was_there(version, at)):
            return Resolved(artifact, version, None)
    return Resolved(artifact, find_aliased(artifact, suffix, at), suffix)


def _was_there(version: ArtifactVersion, at: datetime) -> bool:
    return version.finalized_at is not None and version.finalized_at <= at


def resolve_pair(
    artifact: Artifact, base: str = "", head: str = ""
) -> tuple[ArtifactVersion | None, ArtifactVersion | None]:
    """The finalized versions of these names, which are versions or aliases.

    Without a name the head is the newest one, and the base the one before the head; None where there is none.
    """
    finalized = artifact.versions.finalized().order_by("-number")
    head_version = resolve_suffix(artifact, head).version if head else finalized.first()
    if base:
        return resolve_suffix(artifact, base).version, head_version
    return (finalized.filter(number__lt=head_version.number).first() if head_version else None), head_version
