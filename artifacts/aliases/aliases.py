"""What people do with aliases: create, move, remove, roll back and swap them. Each takes the artifact's lock first."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from django.db import transaction
from django.db.models import FilteredRelation, OuterRef, Q, QuerySet, Subquery

from accounts import permissions
from accounts.actor import Actor
from accounts.models import Role, User
from artifacts import errors, validators
from artifacts.aliases import history, protection
from artifacts.models import AliasChange, AliasProposal, Artifact, ArtifactAlias, ArtifactVersion
from core import compiled_queries
from core.compiled_queries import CompiledQuery


def _locked(pk: UUID) -> QuerySet[Artifact]:
    rows = Artifact.objects.filter(pk=pk).select_related("project__team")
    return rows.select_for_update(no_key=True, of=("self",))


def _state(artifact: UUID, alias: str) -> QuerySet[Artifact]:
    last = AliasChange.objects.of(artifact, alias)
    rows = Artifact.objects.filter(pk=artifact).only("pk").order_by()
    return rows.select_related("row__version", "row__created_by").annotate(
        row=FilteredRelation("alias_set", condition=Q(alias_set__alias=alias)),
        last_change_number=Subquery(last.values("number")[:1]),
        last_change_at=Subquery(last.values("created_at")[:1]),
    )


def _state_and_target(artifact: UUID, alias: str, version: UUID) -> QuerySet[Artifact]:
    target = FilteredRelation("versions", condition=Q(versions__pk=version))
    return _state(artifact, alias).annotate(target=target).select_related("row__version", "row__created_by", "target")


_LOCKED = CompiledQuery(_locked, UUID)
_LOCKED_WITH_ROLE = CompiledQuery(lambda user, pk: _locked(pk).with_role_of(User(pk=user)), UUID, UUID)
_STATE = CompiledQuery(_state, UUID, str)
_STATE_AND_TARGET = CompiledQuery(_state_and_target, UUID, str, UUID)


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
    targets: Mapping[str, ArtifactVersion | None],
    expected: Mapping[str, Expected] | None = None,
) -> list[Move]:
    """Create, move and, where the version is None, remove several aliases: all of them, or none."""
    artifact = _lock_for(actor, artifact, targets)
    moves = []
    for alias, to in targets.items():
        where = (expected or {}).get(alias, NO_EXPECTATION)
        if to is None:
            moves.append(drop_alias(actor, artifact, alias, expected=where))
        else:
            moves.append(put_alias(actor, artifact, alias, to, expected=where))
    return moves


@transaction.atomic
def rollback(actor: Actor, artifact: Artifact, alias: str, expected: Expected = NO_EXPECTATION) -> Move:
    """Move the alias back to the version before, which also brings back one that was removed.

    A second rollback undoes the first. Raises `NothingBefore`, `AliasNotFound`, and what `move` raises.
    """
    artifact = _lock_for(actor, artifact, [alias])
    _require_expected(alias, _read(artifact, alias).row, expected)
    before = version_before(artifact, alias)
    if not before.is_finalized:
        raise errors.AliasTargetRefused(
            f"Alias {alias!r} was at {before.version} before, which is {before.state}: move it to another version."
        )
    return put_alias(actor, artifact, alias, before, is_rollback=True)


@transaction.atomic
def swap(actor: Actor, artifact: Artifact, one: str, other: str) -> list[Move]:
    """Let two aliases exchange their versions, both or none."""
    if one == other:
        raise errors.Invalid(f"Choose two different aliases: {one!r} cannot be swapped with itself.")
    artifact = _lock_for(actor, artifact, [one, other])
    first, second = get(artifact, one).version, get(artifact, other).version
    return [put_alias(actor, artifact, one, second), put_alias(actor, artifact, other, first)]


def find(artifact: Artifact, alias: str) -> ArtifactAlias | None:
    """The alias with its version, both ready to be shown."""
    row = artifact.alias_set.with_version().filter(alias=alias).first()
    if row is not None:
        row.version.artifact = artifact
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


def rollback_version(artifact: Artifact, alias: str) -> str:
    """Where `rollback` leads, such as `v3`, also for an alias that was removed; empty where it would be refused."""
    try:
        before = version_before(artifact, alias)
    except (errors.NothingBefore, errors.AliasNotFound):
        return ""
    return before.version if before.is_finalized else ""


def rollback_versions(artifact: Artifact, aliases: Iterable[str]) -> dict[str, str]:
    """Where `rollback` leads each of these aliases, such as `v3`; without those that it would refuse. One query."""
    earlier = AliasChange.objects.of(OuterRef("artifact"), OuterRef("alias")).filter(to_version__isnull=False)
    earlier = earlier.exclude(to_version=OuterRef("version"))
    rows = artifact.alias_set.filter(alias__in=list(aliases)).order_by().annotate(
        number=Subquery(earlier.values("to_number")[:1]), state=Subquery(earlier.values("to_version__state")[:1])
    )  # fmt: skip
    finalized = rows.filter(state=ArtifactVersion.State.FINALIZED)
    return {alias: f"v{number}" for alias, number in finalized.values_list("alias", "number")}


def lock(artifact: Artifact, actor: Actor | None = None) -> Artifact:
    """The artifact under the row lock that orders all that happens to its versions and aliases.

    With an actor also their role in its team, as `role`.
    """
    row = _LOCKED.first(artifact.pk) if actor is None else _LOCKED_WITH_ROLE.first(actor.user.pk, artifact.pk)
    if row is None:
        raise errors.Missing(f"Artifact {artifact.name!r} was deleted.")
    return row


def check_target(artifact: Artifact, version: ArtifactVersion) -> None:
    """Raise `AliasTargetRefused` unless the version is a finalized one of the artifact."""
    if version.artifact_id != artifact.pk:
        raise errors.AliasTargetRefused(f"That version does not belong to artifact {artifact.name!r}.")
    if not version.is_finalized:
        raise errors.AliasTargetRefused(f"Version {version.version} is a {version.state}: finalize it first.")


def check_new_alias(artifact: Artifact, alias: str, next_number: int | None = None) -> None:
    """Raise `InvalidName` for `v<number>` of a version to come: what `name:v4` means would change once there is one.

    `next_number` is that of the version which is being made.
    """
    number = validators.version_number(alias)
    if number and number != next_number and not artifact.versions.filter(number=number).exists():
        raise errors.InvalidName(
            f"{alias!r} cannot be an alias before there is version {alias}: then '{artifact.name}:{alias}' would mean "
            "that version. Choose another name."
        )


def put_alias(
    actor: Actor,
    artifact: Artifact,
    alias: str,
    to: ArtifactVersion,
    *,
    expected: Expected = NO_EXPECTATION,
    proposal: AliasProposal | None = None,
    is_rollback: bool = False,
) -> Move:
    """Put the alias on the version and record it, for callers that hold `lock(artifact)` and asked `protection`."""
    validators.check_alias(alias)
    state = _read(artifact, alias, to)
    _require_expected(alias, state.row, expected)
    to = state.target or to
    check_target(artifact, to)
    row = state.row
    if row is None:
        check_new_alias(artifact, alias)
        row = ArtifactAlias.objects.create(artifact=artifact, alias=alias, version=to, created_by=actor.user)
        history.record(actor, artifact, alias, None, to, state.last, proposal, is_rollback=is_rollback)
        return Move(row, None)
    before = row.version
    if before.pk != to.pk:
        row.version = to
        with compiled_queries.pipeline():
            compiled_queries.update(row, "version", "updated_at")
            history.record(actor, artifact, alias, before, to, state.last, proposal, is_rollback=is_rollback)
    return Move(row, before)


def drop_alias(
    actor: Actor,
    artifact: Artifact,
    alias: str,
    *,
    expected: Expected = NO_EXPECTATION,
    proposal: AliasProposal | None = None,
) -> Move:
    """Remove the alias and record it, for callers that hold `lock(artifact)` and asked `protection`."""
    state = _read(artifact, alias)
    row = state.row
    _require_expected(alias, row, expected)
    if row is None:
        raise _not_found(artifact, alias)
    history.record(actor, artifact, alias, row.version, None, state.last, proposal)
    row.delete()
    return Move(row, row.version, is_gone=True)


def record_removal(actor: Actor, artifact: Artifact) -> None:
    """Record that all its aliases go with the artifact, for callers that hold its lock and delete it then."""
    for row in artifact.alias_set.for_display().with_last_change().order_by("alias"):
        last = history.LastChange(row.last_change_number or 0, row.last_change_at)
        history.record(actor, artifact, row.alias, row.version, None, last)


def _lock_for(actor: Actor, artifact: Artifact, aliases: Iterable[str]) -> Artifact:
    """The artifact under its lock, for somebody who may move these aliases. Two queries."""
    artifact = lock(artifact, actor)
    role = Role(artifact.role) if artifact.role else None
    permissions.require_role(actor, artifact.project.team, role, Role.EDITOR)
    protection.require(actor, artifact, aliases, role)
    return artifact


@dataclass(frozen=True, slots=True)
class _State:
    """What a change of one alias has to know. `row` is None for an alias that does not exist."""

    row: ArtifactAlias | None
    target: ArtifactVersion | None
    last: history.LastChange


def _read(artifact: Artifact, alias: str, to: ArtifactVersion | None = None) -> _State:
    """The alias, its last change and, as it is now, the version that it is to go to, in one query.

    It begins at the artifact, which exists in any case. To be asked under the lock, and by a query after the one that
    waited for it: before, others may have moved the alias, or deleted the version.
    """
    scope = _STATE.first(artifact.pk, alias) if to is None else _STATE_AND_TARGET.first(artifact.pk, alias, to.pk)
    # Django sets neither where there is none.
    row, target = getattr(scope, "row", None), getattr(scope, "target", None)
    for related in filter(None, (row, row and row.version, target)):
        related.artifact = artifact
    return _State(row, target, history.LastChange(scope.last_change_number or 0, scope.last_change_at))


def _require_expected(alias: str, row: ArtifactAlias | None, expected: Expected) -> None:
    """Raise `AliasMoved` unless the alias is where the caller expects it."""
    if isinstance(expected, NoExpectation):
        return
    if (row.version_id if row else None) == expected:
        return
    extra = {"version": row.version.version, "version_id": str(row.version_id)} if row else {}
    message = f"Alias {alias!r} no longer exists."
    if row:
        happened = "created" if expected is None else "moved"
        message = f"Alias {alias!r} was {happened} in the meantime: it is at {row.version.version} now."
    raise errors.AliasMoved(message, **{"alias": alias, "version": None, "version_id": None} | extra)


def _not_found(artifact: Artifact, alias: str) -> errors.AliasNotFound:
    existing = list(artifact.alias_set.values_list("alias", flat=True)[:50])
    known = f"It has {', '.join(existing)}." if existing else "It has no aliases yet."
    return errors.AliasNotFound(f"Alias {alias!r} not found on artifact {artifact.name!r}. {known}", aliases=existing)
