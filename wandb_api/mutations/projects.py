"""What clients change of projects."""

from typing import Any

from graphql import GraphQLResolveInfo

from projects import projects
from projects.models import Project
from wandb_api import ids
from wandb_api.resolvers import Resolvers

mutation = Resolvers("Mutation")


@mutation
def upsert_model(root: Any, info: GraphQLResolveInfo, input: dict[str, Any]) -> dict[str, Any]:
    """Make the project, or describe the one of that name."""
    context = info.context
    full_name = f"{input.get('entity_name') or context.default_entity}/{input.get('name') or ''}"
    before = Project.objects.visible_to(context.user).named(full_name)
    row = before or projects.get_or_create(context.actor, full_name)
    if input.get("description") is not None:
        row = projects.update(context.actor, row, description=input["description"])
    return {"project": row, "model": row, "inserted": before is None}


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
