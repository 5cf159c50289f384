"""The organization, which is the team of the registries, and what can be searched in it."""

from typing import Any

from graphql import GraphQLResolveInfo

from accounts import permissions
from accounts.models import Role, Team
from projects.models import Project
from wandb_api import cursors, filters, ids, registries
from wandb_api.context import Context
from wandb_api.queries import memberships
from wandb_api.queries.people import describe_team
from wandb_api.resolvers import Resolvers

query = Resolvers("Query")
entity = Resolvers("Entity")
user = Resolvers("User")
project = Resolvers("Project")


@query(name="organization")
def organization_by_name(root: Any, info: GraphQLResolveInfo, name: str) -> dict[str, Any] | None:
    found = _organization(info.context)
    return found if found and found["name"].lower() == name.lower() else None


@entity(name="organization")
def organization_of_team(row: dict[str, Any], info: GraphQLResolveInfo) -> dict[str, Any] | None:
    """The same for all teams, also for those that users have for themselves, as old clients want it to be."""
    return _organization(info.context) if row["team"] else None


@user
def organizations(row: Any, info: GraphQLResolveInfo) -> list[dict[str, Any]]:
    found = _organization(info.context)
    return [found] if found else []


@entity
def projects(
    row: dict[str, Any],
    info: GraphQLResolveInfo,
    first: int | None = None,
    after: str | None = None,
    filters: Any = None,
    order: str | None = None,
) -> dict[str, Any]:
    """Those of the team that the caller sees, the newest first unless `order` says otherwise."""
    rows = _projects(info.context, row, filters).select_related("team", "created_by")
    return cursors.offset_page(info.context, rows.order_by(*_order(order, registries.REGISTRIES)), first, after)


@entity
def artifact_collections(
    row: dict[str, Any],
    info: GraphQLResolveInfo,
    project_filters: Any = None,
    filters: Any = None,
    collection_types: list[str] | None = None,
    first: int | None = None,
    after: str | None = None,
    order: str | None = None,
) -> dict[str, Any]:
    """Of all projects of the team that fit and that the caller sees."""
    found = registries.find_collections(_projects(info.context, row, project_filters), filters, collection_types)
    rows = found.select_related("project__team").prefetch_related("tag_set").defer("metadata")
    rows = rows.order_by(*_order(order, registries.COLLECTIONS))
    return cursors.offset_page(info.context, rows, first, after, total_count=found.count())


@entity
def artifact_memberships(
    row: dict[str, Any],
    info: GraphQLResolveInfo,
    project_filters: Any = None,
    collection_filters: Any = None,
    filters: Any = None,
    first: int | None = None,
    after: str | None = None,
    order: str | None = None,
) -> dict[str, Any]:
    """The links in the collections that fit, of all projects of the team that fit and that the caller sees."""
    found = _projects(info.context, row, project_filters)
    collections = registries.find_collections(found, collection_filters, ["PORTFOLIO"])
    rows = registries.find_links(memberships.versions(), collections, filters)
    rows = rows.order_by(*_order(order, registries.VERSIONS))
    page = memberships.page(info.context, rows, first, after, total_count=rows.count())
    for edge in page["edges"]:
        edge["node"] = edge["membership"]
    return page


@project
def members(row: Project, info: GraphQLResolveInfo) -> list[dict[str, Any]]:
    """Those of its team, for them alone."""
    if permissions.role_in(info.context.user, row.team) is None:
        return []
    found = row.team.memberships.select_related("user").order_by("pk")
    return [
        {
            "id": ids.encode("User", one.user.pk),
            "name": one.user.get_full_name() or one.user.username,
            "username": one.user.username,
            "email": one.user.email if one.user == info.context.user else None,
            "role": {"name": "member" if one.role == Role.EDITOR else one.role},
        }
        for one in found[: info.context.page_size(1000)]
    ]


@project
def team_members(row: Project, info: GraphQLResolveInfo) -> list[Any]:
    """People are members by themselves, never as another team."""
    return []


def _organization(context: Context) -> dict[str, Any] | None:
    team: Team | None = context.registry_team
    if team is None:
        return None
    return registries.describe_organization(
        team, describe_team(team) | {"entity_type": "organization", "is_organization": True}
    )


def _projects(context: Context, row: dict[str, Any], condition: Any) -> Any:
    return registries.find_projects(context.user, row["team"], bool(row.get("is_organization")), condition)


def _order(order: str | None, columns: registries.Columns) -> list[Any]:
    return filters.order(order, columns.find)
