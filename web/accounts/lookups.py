"""What a page is about, found by the names in its URL among what the reader may see; 404 otherwise."""

from django.http import HttpRequest
from django.shortcuts import get_object_or_404

from accounts import permissions
from accounts.actor import Actor
from accounts.models import Invitation, Membership, Role, Team, User
from notifications.models import Watch


def get_team(request: HttpRequest, name: str, role: Role | None = None) -> Team:
    """A team that the reader is in, with the reader's `role` in it, and whether the reader watches it.

    403 for those who have not at least the role that is asked for.
    """
    visible = Watch.objects.annotate_watched_teams(Team.objects.visible_to(request.user), request.user)
    team = get_object_or_404(visible.by_name(name))
    if role is not None:
        permissions.require(Actor.from_page(request), team, role)
    return team


def get_member(request: HttpRequest, team: str, username: str) -> Membership:
    members = get_team(request, team).memberships.select_related("team", "user")
    return get_object_or_404(members, user__username=username)


def get_service_account(team: Team, username: str) -> User:
    """A service account of a team that the reader manages."""
    accounts = User.objects.filter(is_service_account=True, memberships__team=team)
    return get_object_or_404(accounts, username=username)


def get_invitation(request: HttpRequest, team: str, pk: object) -> Invitation:
    return get_object_or_404(get_team(request, team).invitations.select_related("team"), pk=pk)
