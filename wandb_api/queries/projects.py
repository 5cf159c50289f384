"""Projects. `model` is their old name on the wire."""

from typing import Any

from graphql import GraphQLResolveInfo

from accounts import permissions
from accounts.models import Role, Team, User
from projects.models import Project, Visibility
from wandb_api import cursors, ids, registries
from wandb_api.queries.people import describe_team
from wandb_api.resolvers import Resolvers

query = Resolvers("Query")
project = Resolvers("Project")


@query(name="project")
def find_project(
    root: Any,
    info: GraphQLResolveInfo,
    name: str | None = None,
    entity_name: str | None = None,
    internal_id: str | None = None,
) -> Project | None:
    """The project of that name in the entity, or in the caller's own; None where the caller sees none."""
    if not name:
        return None
    context = info.context
    return Project.objects.visible_to(context.user).named(f"{entity_name or context.default_entity}/{name}")


@query
def model(root: Any, info: GraphQLResolveInfo, name: str | None = None, entity_name: str | None = None) -> Any:
    return find_project(root, info, name, entity_name)


@query
def models(
    root: Any,
    info: GraphQLResolveInfo,
    entity_name: str | None = None,
    first: int | None = None,
    after: str | None = None,
) -> dict[str, Any]:
    context = info.context
    team = Team.objects.named(entity_name or context.default_entity)
    rows = Project.objects.visible_to(context.user).filter(team=team).select_related("team", "created_by")
    return cursors.offset_page(context, rows.order_by("-id"), first, after)


@project(name="id")
def project_id(row: Project, info: GraphQLResolveInfo) -> str:
    return ids.encode("Project", row.pk)


@project
def internal_id(row: Project, info: GraphQLResolveInfo) -> str:
    return ids.encode("ProjectInternalId", row.serial)


@project
def entity_name(row: Project, info: GraphQLResolveInfo) -> str:
    return row.team.name


@project
def entity(row: Project, info: GraphQLResolveInfo) -> dict[str, Any]:
    return describe_team(row.team)


@project
def access(row: Project, info: GraphQLResolveInfo) -> str:
    is_open = row.visibility == Visibility.INTERNAL
    if registries.is_registry(row.team.name, row.name):
        return "PRIVATE" if is_open else "RESTRICTED"
    return "USER_READ" if is_open else "PRIVATE"


@project
def read_only(row: Project, info: GraphQLResolveInfo) -> bool:
    role = permissions.role_in(info.context.user, row.team)
    return role is None or not role.covers(Role.EDITOR)


@project(name="user")
def created_by(row: Project, info: GraphQLResolveInfo) -> User:
    return row.created_by


@project
def is_benchmark(row: Project, info: GraphQLResolveInfo) -> bool:
    return False


@project
def allow_all_artifact_types_in_registry(row: Project, info: GraphQLResolveInfo) -> bool:
    return True


@project
def total_sweeps(row: Project, info: GraphQLResolveInfo) -> int:
    return 0


@project
def sweep(row: Project, info: GraphQLResolveInfo, sweep_name: str) -> None:
    return None


@project
def sweeps(row: Project, info: GraphQLResolveInfo, **_: Any) -> dict[str, Any]:
    return cursors.connection([], [], False)


@project
def all_views(row: Project, info: GraphQLResolveInfo, **_: Any) -> dict[str, Any]:
    return cursors.connection([], [], False)
