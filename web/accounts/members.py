"""The members of a team, as the pages of the team and of each of its projects list them."""

from typing import Any

from django.http import HttpRequest

from accounts.models import Invitation, Role, Team
from web import rendering, tables

PAGE_SIZE = 100
# The strongest role comes first in the alphabet too.
_ORDERINGS = {"name": "user__username", "role": "role", "joined": "created_at"}
_COLUMNS = (("name", "Name", ""), ("role", "Role", "tight"), ("joined", "Joined", "tight medium"))


def member_list_context(request: HttpRequest, team: Team) -> dict[str, Any]:
    """The context of `accounts/_team.html`, for a team of `get_team`. At most three queries."""
    may_manage = Role(team.role).covers(Role.ADMIN)
    view = tables.chosen(request.GET, (), _ORDERINGS, "name")
    members = tables.sort(team.memberships.select_related("user"), view, _ORDERINGS)
    invitations = team.invitations.open().select_related("created_by").order_by("-id")
    return {
        "team": team,
        "members": rendering.paginate(request.GET, members, PAGE_SIZE),
        "sort": view.sort,
        "columns": _COLUMNS,
        "invitations": invitations[:PAGE_SIZE] if may_manage else Invitation.objects.none(),
        "may_manage": may_manage,
        "back": request.path,
    }
