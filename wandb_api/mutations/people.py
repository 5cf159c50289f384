"""What clients change of teams, members, service accounts, users and API keys."""

from typing import Any

from django.conf import settings
from django.urls import reverse
from graphql import GraphQLResolveInfo

from accounts import errors, invitation_emails, invitations, keys, permissions, service_accounts, teams, users
from accounts.models import Invitation, Role, Team
from wandb_api import ids
from wandb_api.context import Context
from wandb_api.queries.people import describe_team
from wandb_api.resolvers import Resolvers

mutation = Resolvers("Mutation")

_SUCCESS = {"success": True}
_MAX_KEY_NAME = 100


@mutation
def create_team(root: Any, info: GraphQLResolveInfo, input: dict[str, Any]) -> dict[str, Any]:
    """A team with the caller as its admin."""
    context, name = info.context, input["team_name"]
    admin = input.get("team_admin_user_name")
    if admin and admin != context.user.username:
        raise errors.Invalid(f"You become the admin of a team that you create: invite '{admin}' to it afterwards.")
    teams.create(context.actor, name)
    return {"entity": describe_team(_team(context, name))}


@mutation
def create_invite(root: Any, info: GraphQLResolveInfo, input: dict[str, Any]) -> dict[str, Any]:
    """Invite a user by name, whether or not there is such a user, or somebody by e-mail."""
    context = info.context
    team, role = _team(context, input["entity_name"]), Role.ADMIN if input.get("admin") else Role.EDITOR
    if email := input.get("email"):
        row = invitation_emails.invite(context.actor, team, role, email, _sign_up_url)
    else:
        row = invitations.invite_user(context.actor, team, input.get("username") or "", role)
    fields = {"id": ids.encode("Invite", row.pk), "name": row.username or row.email, "email": row.email or None}
    return {"invite": fields | {"created_at": row.created_at}}


@mutation
def delete_invite(root: Any, info: GraphQLResolveInfo, input: dict[str, Any]) -> dict[str, Any]:
    """Remove a member of the team, or revoke an invitation to it. A second time is a success."""
    context, id = info.context, input.get("id") or ""
    team = _team(context, input.get("entity_name") or context.default_entity)
    member = team.memberships.select_related("team", "user").filter(user=ids.decode("User", id)).first()
    if member:
        teams.remove_member(context.actor, member)
        return _SUCCESS
    permissions.require(context.actor, team, Role.ADMIN)
    pending: Invitation | None = ids.find(team.invitations.open().select_related("team"), "Invite", id)
    if pending:
        invitations.revoke(context.actor, pending)
    return _SUCCESS


@mutation
def create_service_account(root: Any, info: GraphQLResolveInfo, input: dict[str, Any]) -> dict[str, Any]:
    """Its keys are created on the page of the team, and by our API."""
    context = info.context
    team = _team(context, input["entity_name"])
    return {"user": service_accounts.create(context.actor, team, "", description=input["description"]).user}


@mutation
def create_user(root: Any, info: GraphQLResolveInfo, input: dict[str, Any]) -> dict[str, Any]:
    return {"user": users.create_for_address(info.context.actor, input["email"], bool(input.get("admin")))}


@mutation
def generate_api_key(root: Any, info: GraphQLResolveInfo, input: dict[str, Any]) -> dict[str, Any]:
    """A key of the caller's own, with its value as its name."""
    name = " ".join((input.get("description") or "").split())[:_MAX_KEY_NAME] or "wandb client"
    key, key.value = keys.create(info.context.actor, name)
    return {"api_key": key}


@mutation
def delete_api_key(root: Any, info: GraphQLResolveInfo, input: dict[str, Any]) -> dict[str, Any]:
    """Revoke a key of the caller's own. A second time is a success."""
    key = ids.find(info.context.user.api_keys.select_related("user"), "ApiKey", input["id"])
    if key:
        keys.revoke(info.context.actor, key)
    return _SUCCESS


def _team(context: Context, name: str) -> Team:
    """A team of the caller's. Raises `Missing`."""
    team = Team.objects.visible_to(context.user).named(name)
    if team is None:
        raise errors.Missing(f"Team '{name}' not found, or you are not a member.")
    return team


def _sign_up_url(token: str) -> str:
    return f"{settings.BASE_URL}{reverse('sign-up', args=[token])}"
