"""The members of a team, as the pages of the team and of each of its projects list them."""

from typing import Any

from django.db.models.functions import Concat, Lower
from django.http import HttpRequest

from accounts.models import Invitation, Role, Team
from web import rendering, tables

PAGE_SIZE = 100
# The strongest role comes first in the alphabet too.
_ORDERINGS = {"name": "user__username", "role": "role", "joined": "created_at"}
_COLUMNS = (("name", "Name", ""), ("role", "Role", "tight"), ("joined", "Joined", "tight medium"))
_INVITATIONS = "invitations_"
# Of a name and an e-mail address an invitation has one at most. Ids grow with time.
_INVITATION_ORDERINGS = {
    "for": Lower(Concat("username", "email")),
    "role": "role",
    "created": "pk",
    "expires": "expires_at",
}
_INVITATION_COLUMNS = (
    ("for", "For", ""),
    ("role", "Role", "tight"),
    ("created", "Created by", "tight medium"),
    ("expires", "Expires", "tight"),
)


def member_list_context(request: HttpRequest, team: Team) -> dict[str, Any]:
    """The context of `accounts/_team.html`, for a team of `get_team`. At most four queries."""
    may_manage = Role(team.role).covers(Role.ADMIN)
    view = tables.chosen(request.GET, (), _ORDERINGS, "name")
    members = tables.sort(team.memberships.select_related("user"), view, _ORDERINGS)
    invitations = team.invitations.open() if may_manage else Invitation.objects.none()
    invitation_view = tables.chosen(request.GET, (), _INVITATION_ORDERINGS, "-created", _INVITATIONS)
    invitations = tables.sort(invitations.select_related("created_by"), invitation_view, _INVITATION_ORDERINGS)
    return {
        "team": team,
        "members": rendering.paginate(request.GET, members, PAGE_SIZE),
        "sort": view.sort,
        "columns": _COLUMNS,
        "invitations": rendering.paginate(request.GET, invitations, PAGE_SIZE, _INVITATIONS),
        "invitation_prefix": _INVITATIONS,
        "invitation_sort": invitation_view.sort,
        "invitation_columns": _INVITATION_COLUMNS,
        "may_manage": may_manage,
        "back": request.path,
    }
