"""The members of a team, as the pages of the team and of each of its projects list them."""

from typing import Any

from django.http import HttpRequest

from accounts.models import Invitation, Role, Team
from web import rendering

PAGE_SIZE = 100


def member_list_context(request: HttpRequest, team: Team) -> dict[str, Any]:
    """The context of `accounts/_team.html`, for a team of `get_team`. At most three queries."""
    may_manage = Role(team.role).covers(Role.ADMIN)
    members = team.memberships.select_related("user").order_by("user__username")
    invitations = team.invitations.open().select_related("created_by").order_by("-id")
    return {
        "team": team,
        "members": rendering.paginate(request.GET, members, PAGE_SIZE),
        "invitations": invitations[:PAGE_SIZE] if may_manage else Invitation.objects.none(),
        "may_manage": may_manage,
        "back": request.path,
    }
