"""What clients change of projects."""

from typing import Any

from graphql import GraphQLResolveInfo

from projects import projects
from projects.models import Project
from wandb_api.resolvers import Resolvers

mutation = Resolvers("Mutation")


@mutation
def upsert_model(root: Any, info: GraphQLResolveInfo, input: dict[str, Any]) -> dict[str, Any]:
    """Make the project, or describe the one of that name."""
    context = info.context
    full_name = f"{input.get('entity_name') or context.user.username}/{input.get('name') or ''}"
    before = Project.objects.visible_to(context.user).named(full_name)
    row = before or projects.get_or_create(context.actor, full_name)
    if input.get("description") is not None:
        row = projects.update(context.actor, row, description=input["description"])
    return {"project": row, "model": row, "inserted": before is None}
