"""Who is in a team: shown on the team's own page, and on each of its projects'."""

from typing import Any

from django.http import HttpRequest

from accounts.models import Invitation, Role, Team
from web import rendering

PAGE_SIZE = 100


def member_list_context(request: HttpRequest, team: Team) -> dict[str, Any]:
    """What `accounts/_team.html` shows of a team that `find_team` found. At most three queries."""
    may_manage = Role(team.role).covers(Role.ADMIN)
    members = team.memberships.select_related("user").order_by("user__username")
    invitations = team.invitations.open().select_related("created_by").order_by("-id")
    return {
        "team": team,
        "members": rendering.paginate(request, members, PAGE_SIZE),
        "invitations": invitations[:PAGE_SIZE] if may_manage else Invitation.objects.none(),
        "may_manage": may_manage,
        "back": request.path,
    }
