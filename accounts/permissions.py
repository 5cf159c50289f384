"""Who may do what in a team. Beside `visible_to`, this is the only place that decides it."""

from accounts.actor import Actor
from accounts.models import Membership, Role, Team, User
from core import errors


def role_in(user: User, team: Team) -> Role | None:
    """The user's role in the team, or None for one who is not a member. One query, asked anew each time."""
    roles = Membership.objects.filter(team=team, user=user).values_list("role", flat=True)
    return next(map(Role, roles), None)


def require(actor: Actor, team: Team, role: Role) -> None:
    """Raise `Denied` unless the user has at least `role` in the team, or acts as staff in Django admin."""
    if not actor.is_staff:
        require_role(actor, team, role_in(actor.user, team), role)


def require_role(actor: Actor, team: Team, actual: Role | None, role: Role) -> None:
    """The same where the actor's role in the team came along with something else."""
    if actor.is_staff:
        return
    if actual is None:
        raise errors.Denied(f"You are not a member of {team.name}: you need the {role.label} role to do this.")
    if not actual.covers(role):
        raise errors.Denied(f"You need the {role.label} role in {team.name} to do this.")


def template_flags(role: str | None) -> dict[str, bool]:
    """For templates: what somebody of this role may be shown."""
    return {
        "is_member": role is not None,
        "may_edit": role is not None and Role(role).covers(Role.EDITOR),
        "may_manage": role is not None and Role(role).covers(Role.ADMIN),
    }
