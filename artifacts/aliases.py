"""What people do with aliases. Each change is one row in the history, written in the same transaction."""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, connection, transaction
from django.utils import timezone
from uuid_utils.compat import uuid7

from accounts import permissions, prepared
from accounts.models import Role, User
from accounts.origin import Origin
from accounts.prepared import Prepared
from artifacts import errors, names, rules, telling
from artifacts.models import AliasChange, AliasProposal, Artifact, ArtifactAlias, ArtifactVersion

_WITH_VERSION = Prepared(
    lambda artifact, alias: ArtifactAlias.objects.with_version().with_maker().filter(artifact=artifact, alias=alias),
    UUID,
    str,
)
_ROW = Prepared(
    lambda artifact, alias: ArtifactAlias.objects.for_display().with_last_change().filter(
        artifact=artifact, alias=alias
    ),
    UUID, str,
)  # fmt: skip
_VERSION = Prepared(lambda artifact, pk: ArtifactVersion.objects.filter(artifact=artifact, pk=pk), UUID, UUID)
_LAST_CHANGE = Prepared(lambda artifact, alias: AliasChange.objects.of(artifact, alias)[:1], UUID, str)
_LOCKED = Prepared(
    lambda pk: Artifact.objects.select_related("project__team").filter(pk=pk).select_for_update(
        no_key=True, of=("self",)
    ),
    UUID,
)  # fmt: skip


# The roles that move what no rule covers.
_MOVERS = [role.value for role in Role if role.covers(Role.EDITOR)]


class Anywhere:
    """Said in place of a version's id by who does not mind where the alias is now."""


ANYWHERE = Anywhere()
# The id of the version that an alias is expected at, or None: it is expected not to exist.
Expected = UUID | None | Anywhere


class Move(NamedTuple):
    """An alias where it is now, and where it was before; `before` is None for one that was made.

    Of one that was removed `alias` is the row that is gone, and `is_gone` says so.
    """

    alias: ArtifactAlias
    before: ArtifactVersion | None
    is_gone: bool = False


def move(
    user: User,
    artifact: Artifact,
    alias: str,
    to: ArtifactVersion,
    origin: Origin,
    expected: Expected = ANYWHERE,
) -> Move:
    """Make the alias, or move it to another finalized version of the artifact.

    With `expected` only if it is there now. Raises `AliasMoved`, `AliasProtected`, `AliasTargetRefused`, `InvalidName`.
    """
    moved = None if user.is_operating else move_at_once(user.pk, artifact.pk, alias, to.pk, origin, expected)
    if moved is None:
        return set_all(user, artifact, {alias: to}, origin, {alias: expected})[0]
    moved.alias.artifact, moved.alias.version = artifact, to
    return moved


def move_at_once(
    user: UUID, artifact: UUID, alias: str, to: UUID, origin: Origin, expected: Expected = ANYWHERE
) -> Move | None:
    """`move` by ids, in one statement of PostgreSQL, where no rule covers the artifact and nobody listens.

    It asks all that `move` asks, and whether the origin's key still counts. None, and nothing done, for an alias that
    is new and for whatever is to be refused. Of versions and people only what `move_alias` answers is loaded.
    """
    if connection.vendor != "postgresql" or not re.match(names.ALIAS, alias):
        return None
    is_conditional = not isinstance(expected, Anywhere)
    place = (artifact, alias, to, is_conditional, expected if is_conditional else None)
    who = (user, _MOVERS, origin.key.pk if origin.key else None, origin.face.value, origin.reason, uuid7())
    row = prepared.call("move_alias", *place, *who)
    if row is None:
        return None
    pk, made_by, made_by_name, made_at, moved_at, number, before, before_number = row
    moved = ArtifactAlias(id=pk, artifact_id=artifact, alias=alias, created_at=made_at, updated_at=moved_at)
    moved._state.adding, moved._state.db = False, DEFAULT_DB_ALIAS
    moved.created_by = made_by and User.from_db(DEFAULT_DB_ALIAS, ["id", "username"], [made_by, made_by_name])
    columns = ["id", "artifact_id", "number"]
    moved.version = ArtifactVersion.from_db(DEFAULT_DB_ALIAS, columns, [to, artifact, number])
    return Move(moved, ArtifactVersion.from_db(DEFAULT_DB_ALIAS, columns, [before, artifact, before_number]))


def remove(user: User, artifact: Artifact, alias: str, origin: Origin, expected: Expected = ANYWHERE) -> Move:
    """Remove the alias; its version stays. Raises `AliasNotFound`, `AliasMoved`, `AliasProtected`."""
    return set_all(user, artifact, {alias: None}, origin, {alias: expected})[0]


@transaction.atomic
def set_all(
    user: User,
    artifact: Artifact,
    wanted: Mapping[str, ArtifactVersion | None],
    origin: Origin,
    expected: Mapping[str, Expected] | None = None,
) -> list[Move]:
    """Make, move and, where the version is None, remove several aliases: all of them, or none."""
    permissions.require(user, artifact.project.team, Role.EDITOR)
    artifact = lock(artifact)
    rules.require(user, artifact, wanted)
    moves = []
    for alias, to in wanted.items():
        check_is_at(artifact, alias, (expected or {}).get(alias, ANYWHERE))
        if to is None:
            moves.append(withdraw(user, find(artifact, alias), origin))
        else:
            # Somebody may have deleted the version before the lock was ours.
            moves.append(assign(user, artifact, alias, _VERSION.first(artifact.pk, to.pk) or to, origin))
    return moves


@transaction.atomic
def rollback(user: User, artifact: Artifact, alias: str, origin: Origin, expected: Expected = ANYWHERE) -> Move:
    """Move the alias back to the version before, which also brings back one that was removed.

    A second rollback undoes the first. Raises `NothingBefore`, `AliasNotFound`, and what `move` raises.
    """
    permissions.require(user, artifact.project.team, Role.EDITOR)
    artifact = lock(artifact)
    rules.require(user, artifact, [alias])
    check_is_at(artifact, alias, expected)
    before = version_before(artifact, alias)
    if not before.is_finalized:
        raise errors.AliasTargetRefused(
            f"Alias {alias!r} was at {before.version} before, which is {before.state} now: move it to another version."
        )
    return assign(user, artifact, alias, before, origin)


@transaction.atomic
def swap(user: User, artifact: Artifact, one: str, other: str, origin: Origin) -> list[Move]:
    """Let two aliases change places, both or none."""
    if one == other:
        raise errors.Invalid(f"Choose two different aliases: {one!r} cannot be swapped with itself.")
    permissions.require(user, artifact.project.team, Role.EDITOR)
    artifact = lock(artifact)
    rules.require(user, artifact, [one, other])
    first, second = find(artifact, one).version, find(artifact, other).version
    return [assign(user, artifact, one, second, origin), assign(user, artifact, other, first, origin)]


def find(artifact: Artifact, alias: str) -> ArtifactAlias:
    """The alias with its version, both ready to be shown; `AliasNotFound` says which ones exist."""
    found = _WITH_VERSION.first(artifact.pk, alias)
    if found is None:
        there = list(artifact.alias_set.values_list("alias", flat=True)[:50])
        known = f"It has {', '.join(there)}." if there else "It has no aliases yet."
        raise errors.AliasNotFound(f"Alias {alias!r} not found on artifact {artifact.name!r}. {known}", aliases=there)
    return recall(artifact, found)


def recall(artifact: Artifact, row: ArtifactAlias) -> ArtifactAlias:
    """An alias that was loaded `with_version`, knowing all that is shown with it, the artifact at hand."""
    row.artifact = row.version.artifact = artifact
    row.version.known_names = row.names.split()
    return row


def find_at(artifact: Artifact, alias: str, moment: datetime) -> AliasChange:
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
        find(artifact, alias)
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


def check_is_at(artifact: Artifact, alias: str, expected: Expected) -> None:
    """Raise `AliasMoved` unless the alias is where the caller expects it, for callers that hold `lock(artifact)`."""
    if isinstance(expected, Anywhere):
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


def assign(
    user: User | None,
    artifact: Artifact,
    alias: str,
    to: ArtifactVersion,
    origin: Origin,
    proposal: AliasProposal | None = None,
) -> Move:
    """Put the alias on the version and write it down, for callers that hold `lock(artifact)` and asked `rules`."""
    names.check_alias(alias)
    check_target(artifact, to)
    row = _ROW.first(artifact.pk, alias)
    if row is None:
        row = ArtifactAlias.objects.create(artifact=artifact, alias=alias, version=to, created_by=user)
        _write_down(user, artifact, alias, None, to, origin, proposal)
        return Move(row, None)
    before = row.version
    if before.pk != to.pk:
        row.version = to
        prepared.update(row, "version", "updated_at")
        _write_down(user, artifact, alias, before, to, origin, proposal, (row.last_number or 0, row.last_at))
    return Move(row, before)


def withdraw(user: User | None, row: ArtifactAlias, origin: Origin, proposal: AliasProposal | None = None) -> Move:
    """Remove the alias and write it down, for callers that hold `lock(artifact)` and asked `rules`."""
    _write_down(user, row.artifact, row.alias, row.version, None, origin, proposal)
    row.delete()
    return Move(row, row.version, is_gone=True)


def withdraw_all(user: User, artifact: Artifact, origin: Origin) -> None:
    """Write down that all its aliases go with the artifact, for callers that hold its lock and delete it then.

    Its watches go too, so whoever has one is told in any case.
    """
    watches = telling.watches(artifact)
    for row in artifact.alias_set.select_related("version").with_last_change():
        last = (row.last_number or 0, row.last_at)
        watchers = [watch.user for watch in watches if watch.covers(row.alias)]
        _write_down(user, artifact, row.alias, row.version, None, origin, None, last, watchers)


def _write_down(
    user: User | None,
    artifact: Artifact,
    alias: str,
    before: ArtifactVersion | None,
    after: ArtifactVersion | None,
    origin: Origin,
    proposal: AliasProposal | None,
    last: tuple[int, datetime | None] | None = None,
    tell: Iterable[User] = (),
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
        changed_by=user,
        changed_by_name=user.username if user else "",
        key=origin.key,
        key_name=origin.key.name if origin.key else "",
        face=origin.face,
        reason=origin.reason,
        proposal=proposal,
        created_at=max(now, at) if at else now,
    )
    prepared.insert(change)
    telling.alias_changed(user, artifact, alias, before, after, origin.reason, tell)


def _last_change(artifact: Artifact, alias: str) -> tuple[int, datetime | None]:
    """Number and moment of the alias's last change; of one that never was, 0 and None."""
    last = _LAST_CHANGE.first(artifact.pk, alias)
    return (last.number, last.created_at) if last else (0, None)
