"""What people do with aliases. Each change is one row in the history, written in the same transaction."""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from accounts import permissions
from accounts.actor import Actor
from accounts.models import Role
from artifacts import errors, events, validators
from artifacts.aliases import protection
from artifacts.models import AliasChange, AliasProposal, Artifact, ArtifactAlias, ArtifactVersion
from core import compiled_queries
from core.compiled_queries import CompiledQuery

_WITH_VERSION = CompiledQuery(
    lambda artifact, alias: ArtifactAlias.objects.with_version().with_maker().filter(artifact=artifact, alias=alias),
    UUID,
    str,
)
_ROW = CompiledQuery(
    lambda artifact, alias: ArtifactAlias.objects.for_display().with_last_change().filter(
        artifact=artifact, alias=alias
    ),
    UUID, str,
)  # fmt: skip
_VERSION = CompiledQuery(lambda artifact, pk: ArtifactVersion.objects.filter(artifact=artifact, pk=pk), UUID, UUID)
_LAST_CHANGE = CompiledQuery(lambda artifact, alias: AliasChange.objects.of(artifact, alias)[:1], UUID, str)
_LOCKED = CompiledQuery(
    lambda pk: Artifact.objects.select_related("project__team").filter(pk=pk).select_for_update(
        no_key=True, of=("self",)
    ),
    UUID,
)  # fmt: skip


class NoExpectation:
    """Said in place of a version's id by who does not mind where the alias is now."""


NO_EXPECTATION = NoExpectation()
# The id of the version that an alias is expected at, or None: it is expected not to exist.
Expected = UUID | None | NoExpectation


class Move(NamedTuple):
    """An alias where it is now, and where it was before; `before` is None for one that was made.

    Of one that was removed `alias` is the row that is gone, and `is_gone` says so.
    """

    alias: ArtifactAlias
    before: ArtifactVersion | None
    is_gone: bool = False


def move(
    actor: Actor,
    artifact: Artifact,
    alias: str,
    to: ArtifactVersion,
    expected: Expected = NO_EXPECTATION,
) -> Move:
    """Make the alias, or move it to another finalized version of the artifact.

    With `expected` only if it is there now. Raises `AliasMoved`, `AliasProtected`, `AliasTargetRefused`, `InvalidName`.
    """
    return update_many(actor, artifact, {alias: to}, {alias: expected})[0]


def remove(actor: Actor, artifact: Artifact, alias: str, expected: Expected = NO_EXPECTATION) -> Move:
    """Remove the alias; its version stays. Raises `AliasNotFound`, `AliasMoved`, `AliasProtected`."""
    return update_many(actor, artifact, {alias: None}, {alias: expected})[0]


@transaction.atomic
def update_many(
    actor: Actor,
    artifact: Artifact,
    wanted: Mapping[str, ArtifactVersion | None],
    expected: Mapping[str, Expected] | None = None,
) -> list[Move]:
    """Make, move and, where the version is None, remove several aliases: all of them, or none."""
    permissions.require(actor, artifact.project.team, Role.EDITOR)
    artifact = lock(artifact)
    protection.require(actor, artifact, wanted)
    moves = []
    for alias, to in wanted.items():
        require_expected(artifact, alias, (expected or {}).get(alias, NO_EXPECTATION))
        if to is None:
            moves.append(drop_alias(actor, get(artifact, alias)))
        else:
            # Somebody may have deleted the version before the lock was ours.
            moves.append(put_alias(actor, artifact, alias, _VERSION.first(artifact.pk, to.pk) or to))
    return moves


@transaction.atomic
def rollback(actor: Actor, artifact: Artifact, alias: str, expected: Expected = NO_EXPECTATION) -> Move:
    """Move the alias back to the version before, which also brings back one that was removed.

    A second rollback undoes the first. Raises `NothingBefore`, `AliasNotFound`, and what `move` raises.
    """
    permissions.require(actor, artifact.project.team, Role.EDITOR)
    artifact = lock(artifact)
    protection.require(actor, artifact, [alias])
    require_expected(artifact, alias, expected)
    before = version_before(artifact, alias)
    if not before.is_finalized:
        raise errors.AliasTargetRefused(
            f"Alias {alias!r} was at {before.version} before, which is {before.state} now: move it to another version."
        )
    return put_alias(actor, artifact, alias, before)


@transaction.atomic
def swap(actor: Actor, artifact: Artifact, one: str, other: str) -> list[Move]:
    """Let two aliases change places, both or none."""
    if one == other:
        raise errors.Invalid(f"Choose two different aliases: {one!r} cannot be swapped with itself.")
    permissions.require(actor, artifact.project.team, Role.EDITOR)
    artifact = lock(artifact)
    protection.require(actor, artifact, [one, other])
    first, second = get(artifact, one).version, get(artifact, other).version
    return [put_alias(actor, artifact, one, second), put_alias(actor, artifact, other, first)]


def get(artifact: Artifact, alias: str) -> ArtifactAlias:
    """The alias with its version, both ready to be shown; `AliasNotFound` says which ones exist."""
    found = _WITH_VERSION.first(artifact.pk, alias)
    if found is None:
        there = list(artifact.alias_set.values_list("alias", flat=True)[:50])
        known = f"It has {', '.join(there)}." if there else "It has no aliases yet."
        raise errors.AliasNotFound(f"Alias {alias!r} not found on artifact {artifact.name!r}. {known}", aliases=there)
    return attach_artifact(artifact, found)


def attach_artifact(artifact: Artifact, row: ArtifactAlias) -> ArtifactAlias:
    """An alias that was loaded `with_version`, knowing all that is shown with it, the artifact at hand."""
    row.artifact = row.version.artifact = artifact
    row.version.known_names = row.names.split()
    return row


def get_change_at(artifact: Artifact, alias: str, moment: datetime) -> AliasChange:
    """The change that put the alias where it was at that moment. Raises `AliasNotFound` if it was nowhere."""
    change = AliasChange.objects.of(artifact, alias).filter(created_at__lte=moment).first()
    if change is None or change.to_version_id is None:
        when = moment.astimezone(timezone.get_current_timezone()).isoformat(timespec="seconds")
        raise errors.AliasNotFound(f"Artifact {artifact.name!r} had no alias {alias!r} at {when}.")
    return change


def version_before(artifact: Artifact, alias: str) -> ArtifactVersion:
    """Where `rollback` leads, in whatever state that version is. Raises `NothingBefore`, `AliasNotFound`."""
    changes = AliasChange.objects.of(artifact, alias)
    last = changes.first()
    if last is None:
        get(artifact, alias)
    now = last.to_version_id if last else None
    earlier = changes.filter(to_version__isnull=False).exclude(to_version=now).first()
    if earlier is None:
        raise errors.NothingBefore(
            f"Nothing to roll back: {alias} has only ever pointed to {last.after if last else 'one version'}."
        )
    return artifact.versions.get(pk=earlier.to_version_id)


def lock(artifact: Artifact) -> Artifact:
    """The artifact under the row lock that orders all that happens to its versions and aliases."""
    found = _LOCKED.first(artifact.pk)
    if found is None:
        raise errors.Missing(f"Artifact {artifact.name!r} was deleted.")
    return found


def require_expected(artifact: Artifact, alias: str, expected: Expected) -> None:
    """Raise `AliasMoved` unless the alias is where the caller expects it, for callers that hold `lock(artifact)`."""
    if isinstance(expected, NoExpectation):
        return
    row = _ROW.first(artifact.pk, alias)
    if (row.version_id if row else None) == expected:
        return
    where = {"version": row.version.version, "version_id": str(row.version_id)} if row else {}
    sentence = f"Alias {alias!r} no longer exists."
    if row:
        happened = "created" if expected is None else "moved"
        sentence = f"Alias {alias!r} was {happened} in the meantime: it is at {row.version.version} now."
    raise errors.AliasMoved(sentence, **{"alias": alias, "version": None, "version_id": None} | where)


def check_target(artifact: Artifact, version: ArtifactVersion) -> None:
    """Raise `AliasTargetRefused` unless the version is a finalized one of the artifact."""
    if version.artifact_id != artifact.pk:
        raise errors.AliasTargetRefused(f"That version does not belong to artifact {artifact.name!r}.")
    if not version.is_finalized:
        raise errors.AliasTargetRefused(f"Version {version.version} is a {version.state}: finalize it first.")


def put_alias(
    actor: Actor,
    artifact: Artifact,
    alias: str,
    to: ArtifactVersion,
    proposal: AliasProposal | None = None,
) -> Move:
    """Put the alias on the version and write it down, for callers that hold `lock(artifact)` and asked `rules`."""
    validators.check_alias(alias)
    check_target(artifact, to)
    row = _ROW.first(artifact.pk, alias)
    if row is None:
        row = ArtifactAlias.objects.create(artifact=artifact, alias=alias, version=to, created_by=actor.user)
        _write_down(actor, artifact, alias, None, to, proposal)
        return Move(row, None)
    before = row.version
    if before.pk != to.pk:
        row.version = to
        compiled_queries.update(row, "version", "updated_at")
        _write_down(actor, artifact, alias, before, to, proposal, (row.last_change_number or 0, row.last_at))
    return Move(row, before)


def drop_alias(actor: Actor, row: ArtifactAlias, proposal: AliasProposal | None = None) -> Move:
    """Remove the alias and write it down, for callers that hold `lock(artifact)` and asked `rules`."""
    _write_down(actor, row.artifact, row.alias, row.version, None, proposal)
    row.delete()
    return Move(row, row.version, is_gone=True)


def record_removal(actor: Actor, artifact: Artifact) -> None:
    """Write down that all its aliases go with the artifact, for callers that hold its lock and delete it then."""
    for row in artifact.alias_set.select_related("version").with_last_change():
        last = (row.last_change_number or 0, row.last_at)
        _write_down(actor, artifact, row.alias, row.version, None, None, last)


def _write_down(
    actor: Actor,
    artifact: Artifact,
    alias: str,
    before: ArtifactVersion | None,
    after: ArtifactVersion | None,
    proposal: AliasProposal | None,
    last: tuple[int, datetime | None] | None = None,
) -> None:
    number, at = last or _last_change(artifact, alias)
    now = timezone.now()
    change = AliasChange(
        artifact=artifact,
        artifact_name=artifact.full_name,
        alias=alias,
        number=number + 1,
        from_version=before,
        from_number=before.number if before else None,
        to_version=after,
        to_number=after.number if after else None,
        changed_by=actor.user,
        changed_by_name=actor.user.username if actor.user else "",
        key=actor.key,
        key_name=actor.key.name if actor.key else "",
        channel=actor.channel,
        reason=actor.reason,
        proposal=proposal,
        created_at=max(now, at) if at else now,
    )
    compiled_queries.insert(change)
    events.alias_changed(actor.user, artifact, alias, before, after, actor.reason)


def _last_change(artifact: Artifact, alias: str) -> tuple[int, datetime | None]:
    """Number and moment of the alias's last change; of one that never was, 0 and None."""
    last = _LAST_CHANGE.first(artifact.pk, alias)
    return (last.number, last.created_at) if last else (0, None)
