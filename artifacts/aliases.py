"""What people do with aliases. Each change is one row in the history, written in the same transaction."""

from typing import NamedTuple

from django.db import transaction

from accounts import permissions
from accounts.models import Role, User
from accounts.origin import Origin
from artifacts import errors, names
from artifacts.models import AliasChange, Artifact, ArtifactAlias, ArtifactVersion


class Move(NamedTuple):
    """An alias where it is now, and where it was before; `before` is None for one that was made."""

    alias: ArtifactAlias
    before: ArtifactVersion | None


@transaction.atomic
def move(user: User, artifact: Artifact, alias: str, to: ArtifactVersion, origin: Origin) -> Move:
    """Make the alias, or move it to another finalized version of the artifact."""
    permissions.require(user, artifact.project.team, Role.EDITOR)
    lock(artifact)
    # Somebody may have deleted the version before the lock was ours.
    now = artifact.versions.filter(pk=to.pk).first() or to
    return assign(user, artifact, alias, now, origin)


@transaction.atomic
def remove(user: User, artifact: Artifact, alias: str, origin: Origin) -> None:
    permissions.require(user, artifact.project.team, Role.EDITOR)
    lock(artifact)
    withdraw(user, find(artifact, alias), origin)


def find(artifact: Artifact, alias: str) -> ArtifactAlias:
    """The alias with its version, both ready to be shown; `AliasNotFound` says which ones exist."""
    found = artifact.alias_set.with_version().filter(alias=alias).first()
    if found is None:
        there = list(artifact.alias_set.values_list("alias", flat=True)[:50])
        known = f"It has {', '.join(there)}." if there else "It has no aliases yet."
        raise errors.AliasNotFound(f"Alias {alias!r} not found on artifact {artifact.name!r}. {known}", aliases=there)
    found.version.artifact = artifact
    return found


def lock(artifact: Artifact) -> Artifact:
    """The artifact under the row lock that orders all that happens to its versions and aliases."""
    found = Artifact.objects.select_for_update(no_key=True).filter(pk=artifact.pk).first()
    if found is None:
        raise errors.Missing(f"Artifact {artifact.name!r} was deleted.")
    return found


def assign(user: User | None, artifact: Artifact, alias: str, to: ArtifactVersion, origin: Origin) -> Move:
    """Put the alias on the version and write it down, for callers that hold `lock(artifact)`."""
    names.check_alias(alias)
    _check_target(artifact, to)
    row = artifact.alias_set.select_related("version", "created_by").filter(alias=alias).first()
    if row is None:
        row = ArtifactAlias.objects.create(artifact=artifact, alias=alias, version=to, created_by=user)
        _write_down(user, artifact, alias, None, to, origin)
        return Move(row, None)
    before = row.version
    if before.pk != to.pk:
        row.version = to
        row.save(update_fields=["version", "updated_at"])
        _write_down(user, artifact, alias, before, to, origin)
    return Move(row, before)


def withdraw(user: User | None, row: ArtifactAlias, origin: Origin) -> None:
    """Remove the alias and write it down, for callers that hold `lock(artifact)`."""
    _write_down(user, row.artifact, row.alias, row.version, None, origin)
    row.delete()


def _check_target(artifact: Artifact, version: ArtifactVersion) -> None:
    if version.artifact_id != artifact.pk:
        raise errors.AliasTargetRefused(f"That version is not one of artifact {artifact.name!r}.")
    if not version.is_finalized:
        raise errors.AliasTargetRefused(f"Version {version.version} is a {version.state}: finalize it first.")


def _write_down(
    user: User | None,
    artifact: Artifact,
    alias: str,
    before: ArtifactVersion | None,
    after: ArtifactVersion | None,
    origin: Origin,
) -> None:
    last = AliasChange.objects.filter(artifact=artifact, alias=alias).order_by("-number").first()
    AliasChange.objects.create(
        artifact=artifact,
        alias=alias,
        number=last.number + 1 if last else 1,
        from_version=before,
        to_version=after,
        changed_by=user,
        key=origin.key,
        face=origin.face,
        reason=origin.reason,
    )
