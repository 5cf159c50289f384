"""People and teams: a team is an entity on the wire, also the one that each user has for themselves."""

from typing import Any

from graphql import GraphQLResolveInfo

from accounts.models import ApiKey, Team, User
from projects.models import Project
from wandb_api import cursors, ids
from wandb_api.resolvers import Resolvers

query = Resolvers("Query")
user = Resolvers("User")
api_key = Resolvers("ApiKey")
entity = Resolvers("Entity")

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
    team = Team.objects.visible_to(context.user).named(name or context.user.username)
    if team:
        return describe_team(team)
    fields = {"id": ids.encode("Entity", name), "name": name, "entity_type": "team", "is_team": True}
    return _ENTITY | fields | {"team": None, "available": True}


@entity
def user_(row: dict[str, Any], info: GraphQLResolveInfo) -> User | None:
    team = row["team"]
    return team.created_by if team and team.is_personal else None


@entity
def members(row: dict[str, Any], info: GraphQLResolveInfo) -> list[dict[str, Any]]:
    if row["team"] is None:
        return []
    found = row["team"].memberships.select_related("user").order_by("user__username")
    return [
        {
            "id": ids.encode("User", one.user.pk),
            "username": one.user.username,
            "name": one.user.get_full_name() or one.user.username,
            "role": "member" if one.role == "editor" else one.role,
            "admin": one.role == "admin",
            "pending": False,
            "account_type": "USER",
        }
        for one in found[: info.context.page_size(1000)]
    ]


@entity
def projects(
    row: dict[str, Any], info: GraphQLResolveInfo, first: int | None = None, after: str | None = None, **_: Any
) -> dict[str, Any]:
    rows = Project.objects.visible_to(info.context.user).filter(team=row["team"]).select_related("team")
    return cursors.offset_page(info.context, rows.order_by("-id"), first, after)


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
    """One's own: those of others are their own business."""
    return row.email if row == info.context.user else None


@user
def admin(row: User, info: GraphQLResolveInfo) -> bool:
    return row.is_staff


@user
def flags(row: User, info: GraphQLResolveInfo) -> dict[str, Any]:
    return {}


@user(name="entity")
def default_entity(row: User, info: GraphQLResolveInfo) -> str:
    """The name of the user's own team."""
    return row.username


@user
def deleted_at(row: User, info: GraphQLResolveInfo) -> None:
    return None


@user
def photo_url(row: User, info: GraphQLResolveInfo) -> None:
    return None


@user
def organizations(row: User, info: GraphQLResolveInfo) -> list[Any]:
    return []


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
    return row.prefix


@api_key(name="description")
def key_name(row: ApiKey, info: GraphQLResolveInfo) -> str:
    return row.name
