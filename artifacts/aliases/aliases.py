"""What people do with aliases: create, move, remove, roll back and swap them. Each takes the artifact's lock first."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple
from uuid import UUID

from django.conf import settings
from django.db import transaction

from accounts.actor import Actor
from artifacts import errors, validators
from artifacts.aliases import history, lock
from artifacts.aliases.lock import AliasState, LastChange
from artifacts.models import AliasChange, AliasProposal, Artifact, ArtifactAlias, ArtifactVersion
from core import compiled_queries


class NoExpectation:
    """In place of a version's id: the alias may be anywhere, or not exist."""


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

    With `expected` only if it is there now. Raises `AliasMoved`, `AliasProtected`, `AliasTargetRefused`, `InvalidName`,
    `TooManyAliases`.
    """
    return update_many(actor, artifact, {alias: to}, {alias: expected})[0]


def remove(actor: Actor, artifact: Artifact, alias: str, expected: Expected = NO_EXPECTATION) -> Move:
    """Remove the alias; its version stays. Raises `AliasNotFound`, `AliasMoved`, `AliasProtected`."""
    return update_many(actor, artifact, {alias: None}, {alias: expected})[0]


@transaction.atomic
def update_many(
    actor: Actor,
    artifact: Artifact,
    targets: Mapping[str, ArtifactVersion | None],
    expected: Mapping[str, Expected] | None = None,
) -> list[Move]:
    """Create, move and, where the version is None, remove several aliases: all of them, or none."""
    for alias, to in targets.items():
        if to is not None:
            validators.check_alias(alias)
    artifact, states = lock.acquire_and_read(actor, artifact, targets)
    moves = []
    for alias, to in targets.items():
        require_expected(alias, states[alias].row, (expected or {}).get(alias, NO_EXPECTATION))
        if to is None:
            moves.append(_drop(actor, artifact, alias, states[alias]))
        else:
            moves.append(_put(actor, artifact, alias, states[alias], to))
    return moves


@transaction.atomic
def rollback(actor: Actor, artifact: Artifact, alias: str, expected: Expected = NO_EXPECTATION) -> Move:
    """Move the alias back to the version before, which also brings back one that was removed.

    A second rollback undoes the first. Raises `NothingBefore`, `AliasNotFound`, and what `move` raises.
    """
    artifact, states = lock.acquire_and_read(actor, artifact, {alias: None})
    require_expected(alias, states[alias].row, expected)
    before = rollback_target(artifact, alias)
    return _put(actor, artifact, alias, states[alias], before, is_rollback=True)


@transaction.atomic
def swap(actor: Actor, artifact: Artifact, one: str, other: str) -> list[Move]:
    """Let two aliases exchange their versions, both or none."""
    if one == other:
        raise errors.Invalid(f"Choose two different aliases: {one!r} cannot be swapped with itself.")
    artifact, states = lock.acquire_and_read(actor, artifact, {one: None, other: None})
    for alias in (one, other):
        if states[alias].row is None:
            raise _not_found(artifact, alias)
    first, second = states[one].row.version, states[other].row.version
    return [
        _put(actor, artifact, one, states[one], second),
        _put(actor, artifact, other, states[other], first),
    ]


def find(artifact: Artifact, alias: str) -> ArtifactAlias | None:
    """The alias with its version, both ready to be shown."""
    row = artifact.alias_set.with_version().filter(alias=alias).first()
    if row is not None:
        row.version.artifact, row.version.tag_lines = artifact, row.tag_lines
    return row


def get(artifact: Artifact, alias: str) -> ArtifactAlias:
    """The same; `AliasNotFound` says which ones exist."""
    row = find(artifact, alias)
    if row is None:
        raise _not_found(artifact, alias)
    return row


def version_before(artifact: Artifact, alias: str) -> ArtifactVersion:
    """Where `rollback` leads, in whatever state that version is. Raises `NothingBefore`, `AliasNotFound`."""
    changes = AliasChange.objects.of(artifact, alias)
    last = changes.first()
    if last is None and find(artifact, alias) is None:
        raise _not_found(artifact, alias)
    now = last.to_version_id if last else None
    earlier = changes.filter(to_version__isnull=False).exclude(to_version=now).first()
    if earlier is None:
        raise errors.NothingBefore(
            f"Nothing to roll back: {alias} has only ever pointed to {last.after if last else 'one version'}."
        )
    return artifact.versions.get(pk=earlier.to_version_id)


def rollback_target(artifact: Artifact, alias: str) -> ArtifactVersion:
    """The same, if an alias can be at it. Raises `AliasTargetRefused` too."""
    before = version_before(artifact, alias)
    if not before.is_finalized:
        raise errors.AliasTargetRefused(
            f"Alias {alias!r} was at {before.version} before, which is {before.state}: move it to another version."
        )
    return before


def check_target(artifact: Artifact, version: ArtifactVersion) -> None:
    """Raise `AliasTargetRefused` unless the version is a finalized one of the artifact."""
    if version.artifact_id != artifact.pk:
        raise errors.AliasTargetRefused(f"That version does not belong to artifact {artifact.name!r}.")
    if not version.is_finalized:
        raise errors.AliasTargetRefused(f"{version.title} is a {version.state}: finalize it first.")


def check_new_alias(artifact: Artifact, alias: str, next_number: int | None = None) -> None:
    """Raise `InvalidName` for `v<number>` of a version to come: what `name:v4` means would change once there is one.

    `next_number` is that of the version which is being made.
    """
    number = validators.version_number(alias)
    if number not in (None, next_number) and not artifact.versions.filter(number=number).exists():
        raise errors.InvalidName(
            f"{alias!r} cannot be an alias before there is version {alias}: then '{artifact.name}:{alias}' would mean "
            "that version. Choose another name."
        )


def check_room(artifact: Artifact, new: Iterable[str]) -> None:
    """Raise `TooManyAliases` where the artifact has no room for these, which it has not yet. One query.

    There is always room for `latest`, which follows by itself. Sure under the artifact's lock alone.
    """
    count = len(set(new) - {validators.LATEST})
    limit = settings.ALIASES_AN_ARTIFACT
    if count and artifact.alias_set.order_by().values("pk")[:limit].count() + count > limit:
        raise errors.TooManyAliases(
            f"Artifact {artifact.name!r} cannot have more than {limit:,} aliases: remove some first."
        )


def require_expected(alias: str, row: ArtifactAlias | None, expected: Expected) -> None:
    """Raise `AliasMoved` unless the alias is where the caller expects it."""
    if isinstance(expected, NoExpectation):
        return
    if (row.version_id if row else None) == expected:
        return
    extra = {"version": row.version.version, "version_id": str(row.version_id)} if row else {}
    message = f"Alias {alias!r} no longer exists."
    if row:
        happened = "created" if expected is None else "moved"
        message = f"Alias {alias!r} was {happened} in the meantime: it now points to {row.version.version}."
    raise errors.AliasMoved(message, **{"alias": alias, "version": None, "version_id": None} | extra)


def put_alias(
    actor: Actor,
    artifact: Artifact,
    alias: str,
    to: ArtifactVersion,
    *,
    expected: Expected = NO_EXPECTATION,
    proposal: AliasProposal | None = None,
) -> Move:
    """Put the alias on the version and record it, for callers that hold its lock and asked `protection`."""
    validators.check_alias(alias)
    state = lock.read(artifact, alias, to)
    require_expected(alias, state.row, expected)
    is_rollback = proposal.is_rollback if proposal else False
    return _put(actor, artifact, alias, state, to, proposal, is_rollback=is_rollback)


def drop_alias(
    actor: Actor,
    artifact: Artifact,
    alias: str,
    *,
    expected: Expected = NO_EXPECTATION,
    proposal: AliasProposal | None = None,
) -> Move:
    """Remove the alias and record it, for callers that hold its lock and asked `protection`."""
    state = lock.read(artifact, alias)
    require_expected(alias, state.row, expected)
    return _drop(actor, artifact, alias, state, proposal)


def record_removal(actor: Actor, artifact: Artifact) -> None:
    """Record that all its aliases go with the artifact, for callers that hold its lock and delete it then."""
    for row in artifact.alias_set.for_display().with_last_change().order_by("alias"):
        last = LastChange(row.last_change_number or 0, row.last_change_at)
        history.record(actor, artifact, row.alias, row.version, None, last)


def _put(
    actor: Actor,
    artifact: Artifact,
    alias: str,
    state: AliasState,
    to: ArtifactVersion,
    proposal: AliasProposal | None = None,
    *,
    is_rollback: bool | None = False,
) -> Move:
    to = state.target or to
    check_target(artifact, to)
    row = state.row
    if row is None:
        validators.check_new_alias(alias, is_wandb=actor.is_wandb)
        check_new_alias(artifact, alias)
        check_room(artifact, [alias])
        row = ArtifactAlias.objects.create(artifact=artifact, alias=alias, version=to, created_by=actor.user)
        history.record(actor, artifact, alias, None, to, state.last, proposal, is_rollback=is_rollback)
        return Move(row, None)
    before = row.version
    if before.pk != to.pk:
        row.version = to
        with compiled_queries.deferred_writes():
            compiled_queries.update(row, "version", "updated_at")
            history.record(actor, artifact, alias, before, to, state.last, proposal, is_rollback=is_rollback)
    return Move(row, before)


def _drop(
    actor: Actor, artifact: Artifact, alias: str, state: AliasState, proposal: AliasProposal | None = None
) -> Move:
    row = state.row
    if row is None:
        raise _not_found(artifact, alias)
    history.record(actor, artifact, alias, row.version, None, state.last, proposal)
    row.delete()
    return Move(row, row.version, is_gone=True)


def _not_found(artifact: Artifact, alias: str) -> errors.AliasNotFound:
    existing = list(artifact.alias_set.values_list("alias", flat=True)[:50])
    known = f"It has {', '.join(existing)}." if existing else "It has no aliases yet."
    return errors.AliasNotFound(f"Alias {alias!r} not found on artifact {artifact.name!r}. {known}", aliases=existing)
