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
    _require_type(artifact, type)
    if version:
        return Resolved(artifact, find_version(artifact, version, at), None)
    if alias:
        return Resolved(artifact, find_aliased(artifact, alias, at), alias)
    return resolve_suffix(artifact, suffix or validators.LATEST, at)


def describe(version: ArtifactVersion, type: str | None = None) -> Resolved:
    """A version that was found by its id, with its artifact as it is called now. Raises `VersionNotFound`."""
    artifact = Artifact.objects.for_display().filter(pk=version.artifact_id).first()
    row = artifact.versions.with_details().finalized().filter(pk=version.pk).first() if artifact else None
    if artifact is None or row is None:
        raise errors.VersionNotFound(f"{version.title} is not finalized, or was deleted.")
    _require_type(artifact, type)
    return Resolved(artifact, row, None)


def find_artifact(user: Any, full_name: str, project: Project | None = None) -> Artifact:
    """`team/project/name`, or `name` in the given project; each of these may be a former name."""
    visible = Artifact.objects.visible_to(user).for_display()
    parts = full_name.split("/")
    if len(parts) == 3:
        full_project_name = "/".join(parts[:2])
        row = visible.filter(project__in=Project.objects.by_full_name(full_project_name), name=parts[2]).first()
        project = None if row else Project.objects.visible_to(user).named(full_project_name)
        row = visible.named(project, parts[2]) if project else row
    elif len(parts) == 1 and project is not None:
        row = visible.named(project, full_name)
        full_name = f"{project.full_name}/{full_name}"
    else:
        raise errors.Invalid(f"{full_name!r} is not of the form 'team/project/name'.")
    if row is None:
        raise errors.Missing(f"Artifact {full_name!r} not found.")
    return row


def find_version(artifact: Artifact, version: str, at: datetime | None = None) -> ArtifactVersion:
    """The finalized version of that name, such as `v3`; with `at`, only if it was finalized by then."""
    number = validators.version_number(version)
    if number is None:
        raise errors.Invalid(f"{version!r} is not a version: versions are v0, v1, v2 …")
    row = _find_number(artifact, number)
    if row is None or not row.is_finalized:
        raise _no_version(artifact, number, row)
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
    """`v3` where that number was assigned to a version, whatever became of it, else the version under the alias.

    So what a name means never changes from an alias to a version, nor from a version that was deleted to an alias.
    """
    number = validators.version_number(suffix)
    row = _find_number(artifact, number) if number is not None else None
    if row and row.is_finalized and (at is None or _was_there(row, at)):
        return Resolved(artifact, row, None)
    if row and row.is_finalized:
        raise errors.VersionNotFound(f"Version {suffix} of artifact {artifact.name!r} was not finalized at that time.")
    if number is not None and (row or (at is None and aliases.find(artifact, suffix) is None)):
        raise _no_version(artifact, number, row)
    return Resolved(artifact, find_aliased(artifact, suffix, at), suffix)


def _require_type(artifact: Artifact, type: str | None) -> None:
    if type and artifact.type != type:
        raise errors.TypeDiffers(f"Artifact {artifact.name!r} is a {artifact.type}, not a {type}.")


def _find_number(artifact: Artifact, number: int) -> ArtifactVersion | None:
    """The version of that number in whatever state, ready to be shown."""
    return artifact.versions.with_details().filter(number=number).first()


def _no_version(artifact: Artifact, number: int, row: ArtifactVersion | None) -> errors.VersionNotFound:
    # A number that was assigned to no version of it was assigned to one of an artifact that had the name before.
    was_deleted = row.state == row.State.DELETED if row else _was_assigned(artifact, number)
    if was_deleted:
        return errors.VersionNotFound.deleted(f"Version v{number}", artifact.name)
    newest = f"The latest is {artifact.latest_version}." if artifact.latest_version else "It has no versions yet."
    return errors.VersionNotFound(f"Artifact {artifact.name!r} has no version 'v{number}'. {newest}")


def _was_assigned(artifact: Artifact, number: int) -> bool:
    last = artifact.last_assigned_number
    return last is not None and artifact.first_number <= number <= last


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
