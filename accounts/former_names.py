"""Names that nothing has any more: how one becomes free, and who may take it.

All of this runs in the transaction of the verb that renames, deletes or creates. `claim` comes after the row with the
name is written: then whoever gave the name up has committed, and the former name is there to be seen.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from django.db.models import QuerySet

from accounts import errors, permissions
from accounts.actor import Actor
from accounts.models import FormerName, Role, Team

_MANY = 500


@dataclass(frozen=True, slots=True)
class Deleted:
    """Something that is being deleted. Its name is reserved for those of `role`, or free at once where that is None."""

    name: str
    holder: UUID
    role: Role | None = None
    last_assigned_number: int | None = None


def record_rename(actor: Actor, scope: UUID, name: str, holder: UUID, last_assigned_number: int | None = None) -> None:
    """From now on the name leads to its holder by its new name, and nobody else can take it."""
    FormerName.objects.create(
        scope=scope, name=name, holder=holder, last_assigned_number=last_assigned_number, freed_by=actor.user
    )


def record_deletions(actor: Actor, scope: UUID, deleted: Iterable[Deleted]) -> None:
    """The names of all these, those that they had before too, are reserved for some people, or free."""
    by_holder = {thing.holder: thing for thing in deleted}
    of_scope = FormerName.objects.filter(scope=scope)
    # One thing among many that were deleted before, or a scope with all that is in it.
    of_scope = of_scope.filter(holder__in=by_holder) if len(by_holder) < _MANY else of_scope
    before = [row for row in of_scope if row.holder in by_holder]
    for row in before:
        thing = by_holder[row.holder]
        row.role, row.last_assigned_number = thing.role or "", thing.last_assigned_number
        row.is_reserved = row.is_reserved and thing.role is not None
    FormerName.objects.bulk_update(before, ["role", "last_assigned_number", "is_reserved"], batch_size=500)
    rows = [
        FormerName(
            scope=scope, name=thing.name, holder=thing.holder, last_assigned_number=thing.last_assigned_number,
            role=thing.role or "", is_reserved=thing.role is not None, freed_by=actor.user,
        )
        for thing in by_holder.values()
    ]  # fmt: skip
    FormerName.objects.bulk_create(rows, batch_size=1000)


def claim(
    actor: Actor | None, scopes: UUID | Iterable[UUID], name: str, holder: UUID, team: Team | None = None
) -> None:
    """Let the holder, which is written already, have the name in the scope. Raises `NameReserved`.

    With several scopes the others are of what is gone, and was called as the first one is. `team` is where the role is
    asked that takes back the name of something deleted; the name of a team is for whoever deleted it.
    """
    former = FormerName.objects.of(scopes, name)
    rows = list(former)
    for row in rows:
        if row.holder != holder and row.is_in_time:
            _require_takeable(actor, row, team)
    if rows:
        former.filter(holder=holder).delete()
        # It means something else from here on.
        former.update(is_reserved=False)


def release(actor: Actor, rows: QuerySet[FormerName]) -> int:
    """Let anybody have these names from now on; they lead nowhere any more. For staff. Returns how many."""
    if not actor.is_staff:
        raise errors.Denied("Only staff can release names before their time is over.")
    return rows.filter(is_reserved=True).update(is_reserved=False)


def _require_takeable(actor: Actor | None, row: FormerName, team: Team | None) -> None:
    """Raise `NameReserved` unless the actor may take this name, which is reserved."""
    if row.role and actor is not None and _may_take(actor, row, team):
        return
    if not row.role:
        why = "it still redirects to what was renamed. Choose another name"
    elif team is None:
        why = "it belonged to a team that was deleted. Choose another name"
    else:
        role = Role(row.role)
        why = f"it had protected aliases when it was deleted. You need the {role.label} role in {team.name} to reuse it"
    raise errors.NameReserved(
        f"The name '{row.name}' is reserved until {row.reserved_until:%Y-%m-%d}: {why}.",
        reserved_until=row.reserved_until.isoformat(),
    )


def _may_take(actor: Actor, row: FormerName, team: Team | None) -> bool:
    if actor.is_staff:
        return True
    if team is None:
        return actor.user is not None and row.freed_by_id == actor.user.pk
    role = permissions.role_in(actor.user, team)
    return role is not None and role.covers(Role(row.role))
