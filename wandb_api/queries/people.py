"""People and teams: a team is an entity on the wire, also the one that each user has for themselves."""

from typing import Any

from django.db.models import Q
from graphql import GraphQLResolveInfo

from accounts import invitations, permissions
from accounts.models import ApiKey, Invitation, Membership, Role, Team, User
from artifacts import people
from projects.models import Project
from wandb_api import cursors, ids
from wandb_api.resolvers import Resolvers

query = Resolvers("Query")
user = Resolvers("User")
api_key = Resolvers("ApiKey")
entity = Resolvers("Entity")

_MAX_USERS = 50
# What the schema wants to be there of every entity.
_ENTITY = {
    "xxhash_digests_enabled": False,
    "read_only_admin": False,
    "private_only": False,
    "storage_bytes": 0,
    "code_saving_enabled": True,
    "default_access": "PRIVATE",
}


def describe_team(team: Team) -> dict[str, Any]:
    """A team as an entity."""
    kind = "user" if team.is_personal else "team"
    fields = {"id": ids.encode("Entity", team.pk), "name": team.name, "entity_type": kind, "is_team": kind == "team"}
    return _ENTITY | fields | {"team": team, "available": False, "read_only": False}


@query
def viewer(root: Any, info: GraphQLResolveInfo) -> User | None:
    caller = info.context.caller
    return caller.user if caller else None


@query(name="entity")
def entity_(root: Any, info: GraphQLResolveInfo, name: str | None = None) -> dict[str, Any]:
    """The user's team of that name, or else their own. Any other name is told as one that is free, so that nobody
    learns which teams there are."""
    context = info.context
    team = Team.objects.visible_to(context.user).named(name or context.default_entity)
    if team:
        return describe_team(team)
    fields = {"id": ids.encode("Entity", name), "name": name, "entity_type": "team", "is_team": True}
    return _ENTITY | fields | {"team": None, "available": True}


@entity
def user_(row: dict[str, Any], info: GraphQLResolveInfo) -> User | None:
    team = row["team"]
    return team.created_by if team and team.is_personal else None


@query
def users(root: Any, info: GraphQLResolveInfo, query: str | None = None) -> dict[str, Any]:
    """Who has exactly this name among those that the caller sees, or whose address it is: one's own, for staff all."""
    reader, text = info.context.user, query or ""
    if _may_see_users(reader):
        rows = User.objects.filter(Q(username=text) | Q(email__iexact=text)).exclude(username="")
    elif reader.email and text.lower() == reader.email.lower():
        rows = User.objects.filter(pk=reader.pk)
    else:
        rows = people.visible_to(reader).filter(username=text)
    found = rows.order_by("username")[: info.context.page_size(_MAX_USERS)]
    return {"edges": [{"node": row, "cursor": None} for row in found]}


@entity
def members(row: dict[str, Any], info: GraphQLResolveInfo) -> list[dict[str, Any]]:
    """People, then who is invited, which admins alone see, then service accounts, the newest last. Only for members."""
    team, context = row["team"], info.context
    role = permissions.role_in(context.user, team) if team else None
    if role is None:
        return []
    found = team.memberships.select_related("user").order_by("user__is_service_account", "pk")
    rows = [_member(one) for one in found[: context.page_size(1000)]]
    pending = []
    if role is Role.ADMIN:
        invited = team.invitations.open().order_by("pk")[: context.page_size(invitations.MOST_PENDING)]
        pending = [_invited(one) for one in invited]
    return sorted([*rows, *pending], key=lambda one: (one["account_type"] != "USER", one["pending"]))


def _member(row: Membership) -> dict[str, Any]:
    kind = "SERVICE" if row.user.is_service_account else "USER"
    return {
        "id": ids.encode("User", row.user.pk),
        "username": row.user.username,
        "name": row.user.get_full_name() or row.user.username,
        "role": "member" if row.role == Role.EDITOR else row.role,
        "admin": row.role == Role.ADMIN,
        "pending": False,
        "account_type": kind,
    }


def _invited(row: Invitation) -> dict[str, Any]:
    return {
        "id": ids.encode("Invite", row.pk),
        "username": row.username or None,
        "name": row.username or row.email or "whoever has the link",
        "role": "member" if row.role == Role.EDITOR else row.role,
        "admin": row.role == Role.ADMIN,
        "pending": True,
        "email": row.email or None,
        "account_type": "USER",
    }


@entity
def project(row: dict[str, Any], info: GraphQLResolveInfo, name: str | None = None) -> Project | None:
    return Project.objects.visible_to(info.context.user).named(f"{row['name']}/{name}")


@user
def id_(row: User, info: GraphQLResolveInfo) -> str:
    return ids.encode("User", row.pk)


@user
def name(row: User, info: GraphQLResolveInfo) -> str:
    return row.get_full_name() or row.username


@user
def email(row: User, info: GraphQLResolveInfo) -> str | None:
    """One's own, for staff all: those of others are their own business."""
    reader = info.context.user
    return row.email if row == reader or _may_see_users(reader) else None


def _may_see_users(reader: User) -> bool:
    return reader.is_staff and reader.has_perm("accounts.view_user")


@user
def admin(row: User, info: GraphQLResolveInfo) -> bool:
    return row.is_staff


@user
def flags(row: User, info: GraphQLResolveInfo) -> dict[str, Any]:
    return {}


@user(name="entity")
def default_entity(row: User, info: GraphQLResolveInfo) -> str | None:
    """The name of the user's own team; of a service account that of its team, which it alone is told."""
    if not row.is_service_account:
        return row.username
    return info.context.default_entity if row == info.context.user else None


@user
def deleted_at(row: User, info: GraphQLResolveInfo) -> None:
    return None


@user
def photo_url(row: User, info: GraphQLResolveInfo) -> None:
    return None


@user
def api_keys(row: User, info: GraphQLResolveInfo) -> dict[str, Any] | None:
    if row != info.context.user:
        return None
    return {"edges": [{"node": key, "cursor": None} for key in ApiKey.objects.active().filter(user=row)]}


@user
def teams(row: User, info: GraphQLResolveInfo) -> dict[str, Any]:
    """The teams of the caller; of others none."""
    rows = Team.objects.visible_to(row).order_by("name") if row == info.context.user else ()
    return {"edges": [{"node": describe_team(team), "cursor": None} for team in rows]}


@user(name="projects")
def own_projects(row: User, info: GraphQLResolveInfo, first: int | None = None, after: str | None = None) -> Any:
    visible = Project.objects.visible_to(info.context.user).filter(team__created_by=row, team__is_personal=True)
    return cursors.offset_page(info.context, visible.select_related("team").order_by("-id"), first, after)


@api_key(name="id")
def key_id(row: ApiKey, info: GraphQLResolveInfo) -> str:
    return ids.encode("ApiKey", row.pk)


@api_key(name="name")
def key_prefix(row: ApiKey, info: GraphQLResolveInfo) -> str:
    """What it begins with; of one that was made just now the value itself."""
    return getattr(row, "value", row.prefix)


@api_key(name="description")
def key_name(row: ApiKey, info: GraphQLResolveInfo) -> str:
    return row.name
