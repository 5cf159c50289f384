"""The row lock of an artifact, which orders all that happens to its versions and aliases, and what is read under it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from django.db.models import FilteredRelation, Q, QuerySet, Subquery

from accounts import permissions
from accounts.actor import Actor
from accounts.models import Role, Team, User
from artifacts import errors
from artifacts.aliases import protection
from artifacts.models import AliasChange, Artifact, ArtifactAlias, ArtifactVersion
from core import compiled_queries
from core.compiled_queries import CompiledQuery, FilledQuery, all_but
from projects.models import Project


def _locked(pk: UUID) -> QuerySet[Artifact]:
    rows = Artifact.objects.filter(pk=pk).select_related("project__team")
    return rows.select_for_update(no_key=True, of=("self",))


def _locked_with_role(user: UUID, pk: UUID) -> QuerySet[Artifact]:
    return (
        _locked(pk)
        .with_role_of(User(pk=user))
        .defer(
            *all_but("", Artifact, "project", "name", "type"),
            *all_but("project", Project, "team", "name"),
            *all_but("project__team", Team, "name"),
        )
    )


def _state(artifact: UUID, alias: str) -> QuerySet[Artifact]:
    last = AliasChange.objects.of(artifact, alias)
    rows = Artifact.objects.filter(pk=artifact).order_by().select_related("row__version", "row__created_by")
    return rows.annotate(
        row=FilteredRelation("alias_set", condition=Q(alias_set__alias=alias)),
        last_change_number=Subquery(last.values("number")[:1]),
        last_change_at=Subquery(last.values("created_at")[:1]),
    ).defer(
        *all_but("", Artifact),
        *all_but("row__version", ArtifactVersion, *_OF_A_VERSION),
        *all_but("row__created_by", User, "username"),
    )


def _state_and_target(artifact: UUID, alias: str, version: UUID) -> QuerySet[Artifact]:
    target = FilteredRelation("versions", condition=Q(versions__pk=version))
    rows = _state(artifact, alias).annotate(target=target).select_related("row__version", "row__created_by", "target")
    return rows.defer(*all_but("target", ArtifactVersion, *_OF_A_VERSION))


# What its alias shows of it, and whether it can have one.
_OF_A_VERSION = ("artifact", "number", "state")
_LOCKED = CompiledQuery(_locked, UUID)
_LOCKED_WITH_ROLE = CompiledQuery(_locked_with_role, UUID, UUID)
_STATE = CompiledQuery(_state, UUID, str)
_STATE_AND_TARGET = CompiledQuery(_state_and_target, UUID, str, UUID)


class LastChange(NamedTuple):
    """Number and time of an alias's last change; 0 and None for one that never was."""

    number: int
    created_at: datetime | None


@dataclass(frozen=True, slots=True)
class AliasState:
    """What a change of one alias has to know. `row` is None for an alias that does not exist.

    `target` is the version that it is to go to, as it is now, if that is one of the artifact.
    """

    row: ArtifactAlias | None
    target: ArtifactVersion | None
    last: LastChange


def acquire(artifact: Artifact) -> Artifact:
    """The artifact under the row lock that orders all that happens to its versions and aliases."""
    row = _LOCKED.first(artifact.pk)
    if row is None:
        raise _deleted(artifact)
    return row


def acquire_and_read(
    actor: Actor, artifact: Artifact, targets: Mapping[str, ArtifactVersion | None]
) -> tuple[Artifact, dict[str, AliasState]]:
    """The artifact under its lock, for somebody who may move these aliases, and the state of each. One trip.

    Rules and states are asked for by queries after the one that waits for the lock: before, others may have moved an
    alias, made a rule, or deleted a version.
    """
    locked, rules, *states = compiled_queries.fetch(
        _LOCKED_WITH_ROLE.filled(actor.user.pk, artifact.pk),
        protection.query_for(artifact),
        *[_state_query(artifact, alias, to) for alias, to in targets.items()],
    )
    if not locked:
        raise _deleted(artifact)
    [artifact] = locked
    role = Role(artifact.role) if artifact.role else None
    permissions.require_role(actor, artifact.project.team, role, Role.EDITOR)
    protection.require_by(protection.with_scopes(rules, artifact), role, actor, targets)
    return artifact, {alias: _state_of(artifact, scope) for alias, [scope] in zip(targets, states, strict=True)}


def read(artifact: Artifact, alias: str, to: ArtifactVersion | None = None) -> AliasState:
    """The state of one alias, for who holds the artifact's lock. One query."""
    [[scope]] = compiled_queries.fetch(_state_query(artifact, alias, to))
    return _state_of(artifact, scope)


def _state_query(artifact: Artifact, alias: str, to: ArtifactVersion | None) -> FilledQuery[Artifact]:
    """It begins at the artifact, which exists in any case."""
    return _STATE.filled(artifact.pk, alias) if to is None else _STATE_AND_TARGET.filled(artifact.pk, alias, to.pk)


def _state_of(artifact: Artifact, scope: Artifact) -> AliasState:
    # Django sets neither where there is none.
    row, target = getattr(scope, "row", None), getattr(scope, "target", None)
    for related in filter(None, (row, row and row.version, target)):
        related.artifact = artifact
    return AliasState(row, target, LastChange(scope.last_change_number or 0, scope.last_change_at))


def _deleted(artifact: Artifact) -> errors.Missing:
    return errors.Missing(f"Artifact {artifact.name!r} was deleted.")
