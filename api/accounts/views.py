"""The current user, their API keys and teams."""

from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import invitations, keys, teams
from accounts.actor import Actor
from accounts.models import Invitation, Membership, Team
from api.accounts.serializers import (
    InvitationSerializer,
    KeyCreate,
    KeySerializer,
    MemberCreate,
    MemberSerializer,
    MemberUpdate,
    MeSerializer,
    NewKeySerializer,
    TeamCreate,
    TeamSerializer,
    TeamUpdate,
)
from api.lookups import get_or_missing
from api.pagination import PageQuery, page_of, paginate
from api.permissions import SignedIn
from api.serialization import parse_body
from core import errors


class Me(APIView):
    permission_classes = [SignedIn]

    @extend_schema(responses=MeSerializer, operation_id="me")
    def get(self, request: Request) -> Response:
        """Show the current user, and the API key of the request."""
        user = request.user
        user.teams = list(Team.objects.visible_to(user).order_by("-is_personal", "name"))
        owned = (team.name for team in user.teams if user.is_service_account or team.is_personal_of(user))
        user.default_team_name = next(owned, None)
        user.key = request.auth
        return Response(MeSerializer(user).data)


class KeyList(APIView):
    permission_classes = [SignedIn]

    @extend_schema(parameters=[PageQuery], responses=page_of(KeySerializer), operation_id="keys_list")
    def get(self, request: Request) -> Response:
        """List your API keys, newest first."""
        return paginate(request, request.user.api_keys.order_by("-id"), KeySerializer)

    @extend_schema(request=KeyCreate, responses={201: NewKeySerializer}, operation_id="keys_create")
    def post(self, request: Request) -> Response:
        """Create an API key. Only this response contains its value."""
        key, key.value = keys.create(Actor.from_api(request), **parse_body(KeyCreate, request))
        return Response(NewKeySerializer(key).data, 201)


class KeyDetail(APIView):
    permission_classes = [SignedIn]

    @extend_schema(responses={204: None}, operation_id="keys_revoke")
    def delete(self, request: Request, key_id: UUID) -> Response:
        """Revoke one of your API keys."""
        keys.revoke(Actor.from_api(request), get_or_missing(request.user.api_keys, "API key", key_id))
        return Response(status=204)


class TeamList(APIView):
    permission_classes = [SignedIn]

    @extend_schema(parameters=[PageQuery], responses=page_of(TeamSerializer), operation_id="teams_list")
    def get(self, request: Request) -> Response:
        """List your teams."""
        return paginate(request, Team.objects.visible_to(request.user).order_by("name"), TeamSerializer)

    @extend_schema(request=TeamCreate, responses={201: TeamSerializer}, operation_id="teams_create")
    def post(self, request: Request) -> Response:
        """Create a team, with you as its admin."""
        team = teams.create(Actor.from_api(request), **parse_body(TeamCreate, request))
        return Response(TeamSerializer(get_team(request, team.name)).data, 201)


class TeamDetail(APIView):
    permission_classes = [SignedIn]

    @extend_schema(responses=TeamSerializer, operation_id="teams_show")
    def get(self, request: Request, name: str) -> Response:
        """Show one of your teams."""
        return Response(TeamSerializer(get_team(request, name)).data)

    @extend_schema(request=TeamUpdate, responses=TeamSerializer, operation_id="teams_update")
    def patch(self, request: Request, name: str) -> Response:
        """Change the name or display name of a team."""
        team = teams.update(Actor.from_api(request), get_team(request, name), **parse_body(TeamUpdate, request))
        return Response(TeamSerializer(team).data)

    @extend_schema(responses={204: None}, operation_id="teams_delete")
    def delete(self, request: Request, name: str) -> Response:
        """Delete a team without projects."""
        teams.delete(Actor.from_api(request), get_team(request, name))
        return Response(status=204)


class MemberList(APIView):
    permission_classes = [SignedIn]

    @extend_schema(parameters=[PageQuery], responses=page_of(MemberSerializer), operation_id="members_list")
    def get(self, request: Request, name: str) -> Response:
        """List the members of a team, with their roles."""
        members = get_team(request, name).memberships.select_related("user")
        return paginate(request, members.order_by("user__username"), MemberSerializer)

    @extend_schema(request=MemberCreate, responses={202: InvitationSerializer}, operation_id="members_add")
    def post(self, request: Request, name: str) -> Response:
        """Invite a user to a team, who becomes a member by accepting. Does not tell whether the user exists."""
        data = parse_body(MemberCreate, request)
        team = get_team(request, name)
        invitation = invitations.invite_user(Actor.from_api(request), team, data["username"], data["role"])
        return Response(InvitationSerializer(invitation).data, 202)


class TeamInvitationList(APIView):
    permission_classes = [SignedIn]

    @extend_schema(
        parameters=[PageQuery], responses=page_of(InvitationSerializer), operation_id="team_invitations_list"
    )
    def get(self, request: Request, name: str) -> Response:
        """List the users who are invited to a team and have not answered yet."""
        rows = invitations.pending_of(Actor.from_api(request), get_team(request, name))
        return paginate(request, rows.order_by("-id"), InvitationSerializer)


class InvitationList(APIView):
    permission_classes = [SignedIn]

    @extend_schema(parameters=[PageQuery], responses=page_of(InvitationSerializer), operation_id="invitations_list")
    def get(self, request: Request) -> Response:
        """List the invitations that wait for your answer."""
        rows = Invitation.objects.pending_for(request.user).select_related("team", "created_by")
        return paginate(request, rows.order_by("-id"), InvitationSerializer)


class InvitationDetail(APIView):
    permission_classes = [SignedIn]

    @extend_schema(responses={204: None}, operation_id="invitations_delete")
    def delete(self, request: Request, invitation_id: UUID) -> Response:
        """Decline an invitation of yours, or revoke one to a team whose admin you are."""
        invitations.withdraw(Actor.from_api(request), get_invitation(request, invitation_id))
        return Response(status=204)


class InvitationAccept(APIView):
    permission_classes = [SignedIn]

    @extend_schema(request=None, responses={201: MemberSerializer}, operation_id="invitations_accept")
    def post(self, request: Request, invitation_id: UUID) -> Response:
        """Become a member of the team."""
        member = invitations.accept_own(Actor.from_api(request), get_invitation(request, invitation_id))
        return Response(MemberSerializer(member).data, 201)


class MemberDetail(APIView):
    permission_classes = [SignedIn]

    @extend_schema(request=MemberUpdate, responses=MemberSerializer, operation_id="members_update")
    def patch(self, request: Request, name: str, username: str) -> Response:
        """Change the role of a member."""
        data = parse_body(MemberUpdate, request, username=username)
        member = teams.change_role(Actor.from_api(request), get_member(request, name, username), data["role"])
        return Response(MemberSerializer(member).data)

    @extend_schema(responses={204: None}, operation_id="members_remove")
    def delete(self, request: Request, name: str, username: str) -> Response:
        """Remove a member from a team. You can always leave."""
        teams.remove_member(Actor.from_api(request), get_member(request, name, username))
        return Response(status=204)


def get_team(request: Request, name: str) -> Team:
    team = Team.objects.visible_to(request.user).named(name)
    if team is None:
        raise errors.Missing(f"Team '{name}' not found, or you are not a member.")
    return team


def get_invitation(request: Request, pk: UUID) -> Invitation:
    """An invitation by name to the user, or to a team that the user manages."""
    rows = Invitation.objects.visible_to(request.user).select_related("team", "created_by")
    invitation = rows.filter(pk=pk).first()
    if invitation is None:
        raise errors.Missing("Invitation not found. It may have been answered or revoked, or has expired.")
    return invitation


def get_member(request: Request, name: str, username: str) -> Membership:
    members = get_team(request, name).memberships.select_related("team", "user")
    member = members.filter(user__username=username).first()
    if member is None:
        raise errors.Missing(f"'{username}' is not in team '{name}'.")
    return member
