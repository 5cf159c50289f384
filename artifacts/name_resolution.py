"""From the name that a person writes to the version that is meant."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet

from accounts.models import ApiKey, Team, User
from artifacts import errors, validators
from artifacts.aliases import aliases
from artifacts.models import AliasChange, Artifact, ArtifactAlias, ArtifactTag, ArtifactVersion
from core.compiled_queries import CompiledQuery, StringAgg
from projects.models import Project


def _beneath(user: UUID) -> QuerySet[ArtifactAlias]:
    """Aliases of what the user sees, with their versions and artifacts."""
    visible = Project.objects.visible_to(User(pk=user))
    return ArtifactAlias.objects.with_version().with_artifact().filter(artifact__project__in=visible)


def _named(user: UUID, team: str, project: str, name: str, alias: str) -> QuerySet[ArtifactAlias]:
    """The alias of an artifact's name, with all that is shown of the artifact."""
    of_newest = ArtifactAlias.objects.filter(
        version__artifact=OuterRef("artifact"), version__number=OuterRef("artifact__latest_version_number")
    )
    tags = ArtifactTag.objects.filter(artifact=OuterRef("artifact")).order_by("id")
    # As `Project.objects.by_full_name` says it, without joining the project a second time.
    place = {"artifact__project__team__in": Team.objects.by_name(team), "artifact__project__name": project}
    found = _beneath(user).with_artifact_maker().filter(**place, artifact__name=name, alias=alias)
    return found.defer("created_at", "updated_at", "artifact__last_assigned_number").annotate(
        newest_names=StringAgg(of_newest.order_by("alias"), "alias"), tags=StringAgg(tags, "tag")
    )


def _numbered(user: UUID, pk: UUID, alias: str) -> QuerySet[ArtifactAlias]:
    """The alias of an artifact's id, with what is shown of the artifact beside a version."""
    shown = ("id", "project", "name", "type")
    not_shown = (f"artifact__{each.name}" for each in Artifact._meta.concrete_fields if each.name not in shown)
    return _beneath(user).with_maker().filter(artifact=pk, alias=alias).defer(*not_shown)


def _if_counting(rows: Callable[..., QuerySet[ArtifactAlias]]) -> Callable[..., QuerySet[ArtifactAlias]]:
    """The rows, if the user's key still counts, whose id comes first."""
    return lambda key, user, *rest: rows(user, *rest).filter(Exists(ApiKey.objects.counting(key, user)))


_BY_ID = CompiledQuery(_numbered, UUID, UUID, str)
_BY_ID_WITH_KEY = CompiledQuery(_if_counting(_numbered), UUID, UUID, UUID, str)
_BY_NAME = CompiledQuery(_named, UUID, str, str, str, str)
_BY_NAME_WITH_KEY = CompiledQuery(_if_counting(_named), UUID, UUID, str, str, str, str)


class Resolved(NamedTuple):
    """A version and its artifact, ready to be shown, and the alias that led to it, if one did."""

    artifact: Artifact
    version: ArtifactVersion
    alias: str | None


def get_alias(user: User, artifact_id: UUID, alias: str, key: ApiKey | None = None) -> ArtifactAlias | None:
    """The alias of an artifact that the user may see, with its version, both ready to be shown. One query.

    With a key only if that still counts, which the same query asks.
    """
    if key:
        found = _BY_ID_WITH_KEY.first(key.pk, user.pk, artifact_id, alias)
    else:
        found = _BY_ID.first(user.pk, artifact_id, alias)
    return aliases.attach_artifact(found.artifact, found) if found else None


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
    place, _, suffix = name.partition(":")
    if suffix and (alias or version):
        raise errors.Invalid(f"{name!r} already names a version: leave out alias and version, or the part after ':'.")
    if alias and version:
        raise errors.Invalid("Give an alias or a version, not both.")
    # Most ask for an alias that is there: one query. Whatever else they mean, or do wrong, is found out step by step.
    quick = (
        None
        if version or at
        else resolve_in_one_query(user, place, alias or suffix or validators.LATEST, is_alias=bool(alias))
    )
    artifact = quick.artifact if quick else find_artifact(user, place, project)
    if type and artifact.type != type:
        raise errors.TypeDiffers(f"Artifact {artifact.name!r} is a {artifact.type}, not a {type}.")
    if quick:
        return quick
    if version:
        return Resolved(artifact, find_version(artifact, version, at), None)
    if alias:
        return Resolved(artifact, find_aliased(artifact, alias, at), alias)
    return resolve_suffix(artifact, suffix or validators.LATEST, at)


def resolve_in_one_query(
    user: Any, place: str, word: str, *, is_alias: bool = False, key: ApiKey | None = None
) -> Resolved | None:
    """What `resolve` answers for an alias of `team/project/name`, in one query; None for whatever else is meant.

    With a key only if that still counts, which the same query asks.
    """
    parts = place.split("/")
    if len(parts) != 3 or not (is_alias or validators.version_number(word) is None):
        return None
    team, project, name = parts
    sought = (user.pk, team.lower(), project, name, word)
    found = _BY_NAME_WITH_KEY.first(key.pk, *sought) if key else _BY_NAME.first(*sought)
    if found is None:
        return None
    artifact = found.artifact
    artifact.known_tags = found.tags.split("\n") if found.tags else []
    artifact.known_newest_names = found.newest_names.split()
    return Resolved(artifact, aliases.attach_artifact(artifact, found).version, word)


def find_artifact(user: Any, place: str, project: Project | None = None) -> Artifact:
    """`team/project/name`, or `name` in the given project."""
    visible = Artifact.objects.visible_to(user).for_display()
    parts = place.split("/")
    if len(parts) == 3:
        found = visible.filter(project__in=Project.objects.by_full_name("/".join(parts[:2])), name=parts[2]).first()
    elif len(parts) == 1 and project is not None:
        found = visible.filter(project=project, name=place).first()
    else:
        raise errors.Invalid(f"{place!r} is not of the form 'team/project/name'.")
    if found is None:
        raise errors.Missing(f"Artifact {place!r} not found.")
    return found


def find_version(artifact: Artifact, version: str, at: datetime | None = None) -> ArtifactVersion:
    """The finalized version of that name, such as `v3`; with `at`, only if it was finalized by then."""
    number = validators.version_number(version)
    if number is None:
        raise errors.Invalid(f"{version!r} is not a version: versions are v1, v2, v3 …")
    found = artifact.versions.finalized().with_details().filter(number=number).first()
    if found is None:
        newest = (
            f"The latest is {artifact.latest_version}." if artifact.latest_version_number else "It has no versions yet."
        )
        raise errors.VersionNotFound(f"Artifact {artifact.name!r} has no version {version!r}. {newest}")
    if at and not _was_there(found, at):
        raise errors.VersionNotFound(f"Version {version} of artifact {artifact.name!r} was not finalized at that time.")
    return found


def find_aliased(artifact: Artifact, alias: str, at: datetime | None = None) -> ArtifactVersion:
    """The version under the alias, now or at that moment."""
    if at is None:
        return aliases.get(artifact, alias).version
    change = aliases.get_change_at(artifact, alias, at)
    found = version_of(artifact, change)
    if found is None:
        raise errors.VersionNotFound(f"Alias {alias!r} was at {change.after} at that time, which was deleted later.")
    return found


def version_of(artifact: Artifact, change: AliasChange) -> ArtifactVersion | None:
    """The version that the change put the alias on, ready to be shown; None where it was deleted since."""
    found = artifact.versions.finalized().with_details().filter(pk=change.to_version_id).first()
    if found is not None:
        found.artifact = artifact
    return found


def resolve_suffix(artifact: Artifact, word: str, at: datetime | None = None) -> Resolved:
    """`v3` where the artifact has, or had by then, that version, else the version under the alias of that name."""
    number = validators.version_number(word)
    if number is not None:
        found = artifact.versions.finalized().with_details().filter(number=number).first()
        if found and (at is None or _was_there(found, at)):
            return Resolved(artifact, found, None)
    return Resolved(artifact, find_aliased(artifact, word, at), word)


def _was_there(version: ArtifactVersion, at: datetime) -> bool:
    return version.finalized_at is not None and version.finalized_at <= at
