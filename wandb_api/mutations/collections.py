"""What clients change of collections: name, description, tags; and how they delete them."""

from typing import Any

from graphql import GraphQLResolveInfo

from artifacts import artifacts, errors
from artifacts.models import Artifact
from projects.models import Project
from wandb_api import ids
from wandb_api.context import Context
from wandb_api.mutations.artifacts import tag_names
from wandb_api.queries import memberships
from wandb_api.resolvers import Resolvers

mutation = Resolvers("Mutation")


@mutation
def update_artifact_sequence(root: Any, info: GraphQLResolveInfo, input: dict[str, Any]) -> dict[str, Any]:
    """Rename or describe it; what is null stays as it is."""
    return _update(info.context, input["artifact_sequence_id"], input)


@mutation
def update_artifact_portfolio(root: Any, info: GraphQLResolveInfo, input: dict[str, Any]) -> dict[str, Any]:
    return _update(info.context, input["artifact_portfolio_id"], input)


def _update(context: Context, id: str, input: dict[str, Any]) -> dict[str, Any]:
    changes = {name: input[name] for name in ("name", "description") if input.get(name) is not None}
    return {"artifact_collection": artifacts.update(context.actor, _get(context, id), **changes)}


@mutation
def move_artifact_sequence(root: Any, info: GraphQLResolveInfo, input: dict[str, Any]) -> dict[str, Any]:
    """Give it another type."""
    row = _get(info.context, input["artifact_sequence_id"])
    type = input["destination_artifact_type_name"]
    return {"artifact_collection": artifacts.update(info.context.actor, row, type=type)}


@mutation
def delete_artifact_sequence(root: Any, info: GraphQLResolveInfo, input: dict[str, Any]) -> dict[str, Any]:
    """Delete it with all its versions, unless an alias of it is protected."""
    return _delete(info.context, input["artifact_sequence_id"])


@mutation
def delete_artifact_portfolio(root: Any, info: GraphQLResolveInfo, input: dict[str, Any]) -> dict[str, Any]:
    """Delete it with all its links; the versions that it links stay."""
    return _delete(info.context, input["artifact_portfolio_id"])


def _delete(context: Context, id: str) -> dict[str, Any]:
    row = _get(context, id)
    artifacts.delete(context.actor, row)
    row.is_deleted = True
    return {"artifact_collection": row}


@mutation
def create_artifact_collection_tag_assignments(
    root: Any, info: GraphQLResolveInfo, input: dict[str, Any]
) -> dict[str, Any]:
    """Add tags to those that the collection has; the answer has them all."""
    row = _named(info.context, input)
    artifacts.update(info.context.actor, row, add_tags=tag_names(input["tags"]))
    return {"tags": memberships.tags(list(row.tag_set.values_list("tag", flat=True)))}


@mutation
def delete_artifact_collection_tag_assignments(
    root: Any, info: GraphQLResolveInfo, input: dict[str, Any]
) -> dict[str, Any]:
    artifacts.update(info.context.actor, _named(info.context, input), remove_tags=tag_names(input["tags"]))
    return {"success": True}


def _get(context: Context, id: str) -> Artifact:
    visible = Artifact.objects.visible_to(context.user).select_related("project__team").prefetch_related("tag_set")
    return ids.find(visible, "ArtifactPortfolio", id) or ids.get(visible, "ArtifactSequence", id, "Artifact")


def _named(context: Context, input: dict[str, Any]) -> Artifact:
    full_name = context.full_name(input["entity_name"], input["project_name"])
    project = Project.objects.visible_to(context.user).named(full_name)
    row = Artifact.objects.named(project, input["artifact_collection_name"]) if project else None
    if project is None or row is None:
        name = f"{full_name}/{input['artifact_collection_name']}"
        raise errors.Missing(f"{name} not found: it was deleted, or you don't have access.")
    row.project = project
    return row
