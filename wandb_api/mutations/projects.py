"""What clients change of projects."""

from typing import Any

from graphql import GraphQLResolveInfo

from accounts.models import Team
from core import errors
from projects import projects
from projects.models import Project
from wandb_api import ids, registries
from wandb_api.context import Context
from wandb_api.resolvers import Resolvers

mutation = Resolvers("Mutation")


@mutation
def upsert_model(root: Any, info: GraphQLResolveInfo, input: dict[str, Any]) -> dict[str, Any]:
    """Make the project, or describe the one of that name. Of a registry also who sees it."""
    context = info.context
    entity, name = input.get("entity_name") or context.default_entity, input.get("name") or ""
    before = Project.objects.visible_to(context.user).named(f"{entity}/{name}")
    changes = {} if input.get("description") is None else {"description": input["description"]}
    if registries.is_registry(entity, name):
        changes |= _of_registry(input)
        row = before or projects.create(context.actor, _registry_team(context), name, **changes)
    else:
        row = before or projects.get_or_create(context.actor, f"{entity}/{name}")
    if changes:
        row = projects.update(context.actor, row, **changes)
    return {"project": row, "model": row, "inserted": before is None}


def _registry_team(context: Context) -> Team:
    if context.registry_team is None:
        raise errors.Missing("There is no organization: the team that the operator named does not exist.")
    return context.registry_team


def _of_registry(input: dict[str, Any]) -> dict[str, Any]:
    if input.get("artifact_types") or input.get("allow_all_artifact_types_in_registry") is False:
        raise errors.Invalid("Registries of this server take artifacts of any type: leave `artifact_types` out.")
    return {"visibility": registries.visibility(input["access"])} if input.get("access") else {}


@mutation(name="create_project_members")
@mutation(name="delete_project_members")
@mutation(name="update_project_member")
@mutation(name="update_project_team_member")
def refuse_members(root: Any, info: GraphQLResolveInfo, input: dict[str, Any]) -> None:
    raise errors.Invalid(
        "The members of a registry are those of its team: invite them with `api.team(name).invite(username)`, and "
        "change their roles on the page of the team."
    )


@mutation
def rename_project(root: Any, info: GraphQLResolveInfo, input: dict[str, Any]) -> dict[str, Any]:
    """Old clients ask for it; the former name leads to the project for some time."""
    actor = info.context.actor
    row = projects.get(actor, info.context.full_name(input["entity_name"], input["old_project_name"]))
    return {"project": projects.update(actor, row, name=input["new_project_name"]), "inserted": False}


@mutation
def delete_model(root: Any, info: GraphQLResolveInfo, input: dict[str, Any]) -> dict[str, Any]:
    """Delete the project of that id with all that is in it. A second time is a success."""
    context = info.context
    row = ids.find(Project.objects.visible_to(context.user).select_related("team"), "Project", input["id"])
    if row:
        projects.delete(context.actor, row)
    return {"success": True}
